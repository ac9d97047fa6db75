"""Chromium behind a bad network, on one leg at a time: pictures keep moving, sound is whole."""

from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.async_api import Browser

from tests.impairment import BadNetwork, Link
from tests.interop.calls import Peer, opened, peer
from tests.server import Server

pytestmark = [pytest.mark.foreign, pytest.mark.browser, pytest.mark.slow]

BAD = Link(loss=0.05, delay=0.05, reorder=0.02, duplicate=0.02)
SETTLING, MEASURED = 5.0, 10.0
"""Seconds: the jitter buffers grow first, on a busy machine not in time for the first measure."""


@pytest.mark.parametrize("leg", ["publisher", "subscriber"])
async def test_a_call_goes_on(
    behind: Server,
    network: BadNetwork,
    chromium: Browser,
    pages: str,
    leg: Literal["publisher", "subscriber"],
) -> None:
    """5% loss each way, 100 ms there and back, packets late and double.

    How much sound is concealed on its own leg is the subscriber's choice: it has what it asked for
    again, and weighs waiting for it against playing on.
    """
    app = behind.create_app()
    page = await opened(chromium, pages)
    publisher, subscriber = await peer(page, app), await peer(page, app)
    mids = await subscriber.pull(await publisher.push({"video": True, "audio": True}))
    await subscriber.flows(mids)
    bad = publisher if leg == "publisher" else subscriber
    network.impair(await bad.ufrag(), up=BAD, down=BAD)
    await page.wait_for_timeout(SETTLING * 1000)
    for _ in range(2):
        seen = await measured(subscriber, *mids)
        print(f"{leg}: {seen.pictures:.1f} pictures/s, longest pause {seen.pause:.3f} s,")
        print(f"  {seen.concealed:.2%} of the sound concealed, {network.lost} packets lost")
        good = seen.pause < 1.0 and seen.pictures > 10
        if good and (leg == "subscriber" or seen.concealed < 0.02):
            return
    pytest.fail("it is not as it should be")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a subscriber had: ``pictures`` a second, the longest ``pause`` between them in seconds,
    and the share of the sound that was ``concealed``."""

    pictures: float
    pause: float
    concealed: float


async def measured(subscriber: Peer, video: str, audio: str) -> Seen:
    before, pause = await subscriber.received(), await subscriber.longest_freeze(video, MEASURED)
    after = await subscriber.received()
    pictures = after[video]["frames"] - before[video]["frames"]
    concealed = after[audio]["concealed"] - before[audio]["concealed"]
    samples = after[audio]["samples"] - before[audio]["samples"]
    return Seen(pictures / MEASURED, pause, concealed / samples)
