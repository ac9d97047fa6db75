"""Opening a database: migrated, private, and a clear line when it cannot be."""

import os
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from tidegate.errors import DatabaseError
from tidegate.store.database import Store
from tidegate.store.schema import metadata


def differences(connection: Connection) -> object:
    return compare_metadata(MigrationContext.configure(connection), metadata)


async def test_the_migrations_lead_to_the_schema(database_url: str, tmp_path: Path) -> None:
    store = await Store.open(database_url, tmp_path)
    async with store.reading() as db:
        assert await db.run_sync(differences) == []
    await store.close()


async def test_a_second_start_finds_everything_in_place(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    again = await Store.open(store_url, tmp_path)
    await again.close()


async def test_a_failed_transaction_leaves_no_trace(store: Store) -> None:
    async def fail() -> None:
        async with store.writing() as db:
            await db.execute(text("INSERT INTO accounts VALUES ('a', 'n', 1)"))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with store.reading() as db:
        assert (await db.execute(text("SELECT count(*) FROM accounts"))).scalar_one() == 0


async def test_a_database_of_a_newer_version_is_refused(database_url: str, tmp_path: Path) -> None:
    store = await Store.open(database_url, tmp_path)
    async with store.writing() as db:
        await db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()
    with pytest.raises(DatabaseError, match="newer version"):
        await Store.open(database_url, tmp_path)


async def test_without_an_url_a_private_file_of_the_data_directory_is_used(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = await Store.open("", tmp_path)
    finally:
        os.umask(old)
    await store.close()
    assert (tmp_path / "tidegate.sqlite3").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://who:hunter2@127.0.0.1:1/db", r"127\.0\.0\.1:1/db: connection .*refused"),
        ("mysql://who:hunter2@localhost/db", "mysql:// is not supported"),
        ("nonsense", "cannot be read"),
        ("sqlite:////nonexistent/x.sqlite3", "No such file or directory"),
    ],
)
async def test_an_unusable_database_is_one_line_without_a_password(
    url: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseError, match=problem) as caught:
        await Store.open(url, tmp_path)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "tidegate.sqlite3").write_bytes(b"not a database at all, whatever it says" * 100)
    with pytest.raises(DatabaseError, match="file is not a database"):
        await Store.open("", tmp_path)
