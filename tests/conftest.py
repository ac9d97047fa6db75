"""Fixtures that every folder of tests may use."""

import secrets
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


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that Tidegate runs on."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tidegate.sqlite3'}"
    running: Postgres = request.getfixturevalue("postgres")
    return running.create_database(f"test_{secrets.token_hex(6)}")


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty, migrated store, on each kind of database."""
    opened = await Store.open(database_url, tmp_path)
    yield opened
    await opened.close()
