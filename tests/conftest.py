"""Fixtures that every folder of tests may use."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tidegate.store.database import Store

from tests.postgres import Postgres, running_postgres
from tests.server import Relay, Server, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that no test changes: each makes relays of its own on it."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def relay(server: Server) -> Relay:
    """A new relay, as the API makes it: SUBSCRIBEs wait for their publisher."""
    return server.create_relay()


@pytest.fixture
def strict_relay(server: Server) -> Relay:
    """A new relay that refuses a SUBSCRIBE without a publisher at once."""
    return server.create_relay(lingering=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server without a password, for databases of one test each."""
    with running_postgres() as running:
        yield running


DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that Tidegate runs on."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tidegate.sqlite3'}"
    running: Postgres = request.getfixturevalue("postgres")
    return running.create_database(f"test_{secrets.token_hex(6)}")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file to copy, which is quicker than migrating a new one."""
    directory = tmp_path_factory.mktemp("migrated")
    _migrate("", directory)
    return directory / "tidegate.sqlite3"


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database to copy."""
    _migrate(postgres.create_database("migrated"), tmp_path_factory.mktemp("migrated"))
    return "migrated"


def _migrate(url: str, directory: Path) -> None:
    async def open_once() -> None:
        await (await Store.open(url, directory)).close()

    asyncio.run(open_once())


@pytest.fixture(params=DATABASES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database without a row, of each kind."""
    if request.param == "sqlite":
        file = tmp_path / "tidegate.sqlite3"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), file)
        return f"sqlite:///{file}"
    running: Postgres = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("migrated_postgres")
    return running.create_database(f"test_{secrets.token_hex(6)}", template=template)


@pytest.fixture
async def store(store_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """A store without a row, on each kind of database."""
    opened = await Store.open(store_url, tmp_path)
    yield opened
    await opened.close()
