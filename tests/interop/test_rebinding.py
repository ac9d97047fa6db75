"""A NAT gives a page another port in the middle of a call: pictures and sound find it there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser

from tests.impairment import BadNetwork, bad_network
from tests.interop.calls import opened, peer
from tests.server import Server, running_server

pytestmark = [pytest.mark.foreign, pytest.mark.browser]


@pytest.fixture
def network() -> Iterator[BadNetwork]:
    with bad_network() as running:
        yield running


@pytest.fixture
def behind(network: BadNetwork, tmp_path: Path) -> Iterator[Server]:
    """A server whose only candidate is the network's port."""
    with running_server(tmp_path, {"TIDEGATE_ANNOUNCE": f"127.0.0.1:{network.port}"}) as server:
        port = urlsplit(server.webtransport).port
        assert port
        network.forward_to(port)
        yield server


@pytest.mark.parametrize("leg", ["publisher", "subscriber"])
async def test_a_call_goes_on_under_another_port(
    behind: Server,
    network: BadNetwork,
    chromium: Browser,
    pages: str,
    leg: Literal["publisher", "subscriber"],
) -> None:
    """With the page's next check of its connection: Chromium makes one every 2.5 s."""
    app = behind.create_app()
    page = await opened(chromium, pages)
    publisher, subscriber = await peer(page, app), await peer(page, app)
    mids = await subscriber.pull(await publisher.push({"video": True, "audio": True}))
    await subscriber.flows(mids)
    moved = publisher if leg == "publisher" else subscriber
    network.rebind(await moved.ufrag())
    waited = await subscriber.flows(mids, seconds=10)
    print(f"back after {waited / 1000:.1f} s")
