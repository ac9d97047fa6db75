"""Chromium behind a bad network, on one leg at a time: pictures keep moving, sound is whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser

from tests.impairment import BadNetwork, Link, bad_network
from tests.interop.calls import opened, peer
from tests.server import Server, running_server

pytestmark = [pytest.mark.foreign, pytest.mark.browser, pytest.mark.slow]

BAD = Link(loss=0.05, delay=0.05, reorder=0.02, duplicate=0.02)
SETTLING, MEASURED = 5.0, 15.0
"""Seconds: the jitter buffers grow first."""


@pytest.fixture
def network() -> Iterator[BadNetwork]:
    with bad_network(seed=7) as running:
        yield running


@pytest.fixture
def behind(network: BadNetwork, tmp_path: Path) -> Iterator[Server]:
    """A server whose only candidate is the bad network's port."""
    with running_server(tmp_path, {"TIDEGATE_ANNOUNCE": f"127.0.0.1:{network.port}"}) as server:
        port = urlsplit(server.webtransport).port
        assert port
        network.forward_to(port)
        yield server


@pytest.mark.parametrize("leg", ["publisher", "subscriber"])
async def test_a_call_goes_on(
    behind: Server,
    network: BadNetwork,
    chromium: Browser,
    pages: str,
    leg: Literal["publisher", "subscriber"],
) -> None:
    """5% loss each way, 100 ms there and back, packets late and double."""
    app = behind.create_app()
    page = await opened(chromium, pages)
    publisher, subscriber = await peer(page, app), await peer(page, app)
    mids = await subscriber.pull(await publisher.push({"video": True, "audio": True}))
    video, audio = mids
    await subscriber.flows(mids)
    bad = publisher if leg == "publisher" else subscriber
    network.impair(await bad.ufrag(), up=BAD, down=BAD)
    await page.wait_for_timeout(SETTLING * 1000)
    before, longest = await subscriber.received(), await subscriber.longest_freeze(video, MEASURED)
    after = await subscriber.received()
    pictures = after[video]["frames"] - before[video]["frames"]
    concealed = after[audio]["concealed"] - before[audio]["concealed"]
    samples = after[audio]["samples"] - before[audio]["samples"]
    print(f"{leg}: {pictures / MEASURED:.1f} pictures/s, longest pause {longest:.3f} s,")
    print(f"  {concealed / samples:.2%} of the sound concealed, {network.lost} packets lost")
    assert longest < 1.0
    assert pictures / MEASURED > 10
    assert concealed / samples < 0.02
