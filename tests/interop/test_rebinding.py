"""A NAT gives a page another port in the middle of a call: pictures and sound find it there."""

from typing import Literal

import pytest
from playwright.async_api import Browser

from tests.impairment import BadNetwork
from tests.interop.calls import opened, peer
from tests.server import Server

pytestmark = [pytest.mark.foreign, pytest.mark.browser]


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
