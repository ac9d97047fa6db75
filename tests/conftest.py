"""Fixtures that every folder of tests may use."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from tidegate.config import Config
from tidegate.store.database import Store
from tidegate.store.schema import metadata

from tests.control_plane import Api, running_api
from tests.postgres import Postgres, running_postgres
from tests.server import App, Relay, Server, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that no test changes: each makes relays of its own on it."""
    settings = {"TIDEGATE_API_RELAYS_PER_ACCOUNT": "10000"}
    with running_server(tmp_path_factory.mktemp("server"), settings) as running:
        yield running


@pytest.fixture
def relay(server: Server) -> Relay:
    """A new relay, as the API makes it: SUBSCRIBEs wait for their publisher."""
    return server.create_relay()


@pytest.fixture
def app(server: Server) -> App:
    """A new Realtime SFU app."""
    return server.create_app()


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
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind that Tidegate runs on."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'tidegate.sqlite3'}"
        return
    running: Postgres = request.getfixturevalue("postgres")
    with running.database() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file to copy, which is quicker than migrating a new one."""
    directory = tmp_path_factory.mktemp("migrated")
    _migrate("", directory)
    return directory / "tidegate.sqlite3"


@pytest.fixture(scope="session")
def migrated_postgres(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a database to empty, which is quicker than making a new one."""
    with postgres.database() as url:
        _migrate(url, tmp_path_factory.mktemp("migrated"))
        yield url


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
    url: str = request.getfixturevalue("migrated_postgres")
    tables = ", ".join(name for name in metadata.tables if name != "revision")
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"TRUNCATE {tables}".encode())
        db.execute("UPDATE revision SET value = 0")
    return url


@pytest.fixture
async def store(store_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """A store without a row, on each kind of database."""
    opened = await Store.open(store_url, tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def api(store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """A control plane of the test's own, on each kind of database."""
    async with running_api(store, Config(), tmp_path) as running:
        yield running
