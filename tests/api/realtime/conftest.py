"""An app of the test's own, under each prefix."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tidegate.config import CallsConfig, Config
from tidegate.store.database import Store

from tests.api.realtime.app import App, created
from tests.control_plane import Api, running_api


@pytest.fixture
def store_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """This surface does not touch the database: one kind is enough."""
    file = tmp_path / "tidegate.sqlite3"
    file.write_bytes(migrated_sqlite.read_bytes())
    return f"sqlite:///{file}"


@pytest.fixture
async def api(store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(store, Config(calls=CallsConfig(body_bytes=4096)), tmp_path) as running:
        yield running


@pytest.fixture(params=["/v1/apps", "/apps"])
async def app(api: Api, request: pytest.FixtureRequest) -> App:
    return await created(api, request.param)
