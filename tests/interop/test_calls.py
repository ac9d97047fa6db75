"""Pages that make the calls of Cloudflare's published examples, in Chromium."""

import pytest
from playwright.async_api import Browser

from tests.interop.calls import opened, peer
from tests.server import App

pytestmark = [pytest.mark.foreign, pytest.mark.browser]

CALL = {"video": True, "audio": True}
VGA = {"video": {"width": 640, "height": 480}}
HD = {"video": {"width": 1280, "height": 720}}
LAYERS = [
    {"rid": "f", "scaleResolutionDownBy": 1},
    {"rid": "h", "scaleResolutionDownBy": 2},
    {"rid": "q", "scaleResolutionDownBy": 4},
]
WIDTHS = {"f": 1280, "h": 640, "q": 320}


def wanting(rid: str) -> dict[str, object]:
    return {
        "simulcast": {
            "preferredRid": rid,
            "priorityOrdering": "asciibetical",
            "ridNotAvailable": "asciibetical",
        }
    }


async def test_echo(app: App, chromium: Browser, pages: str) -> None:
    """The echo example: it pulls as soon as ICE is connected, before media is known to flow."""
    page = await opened(chromium, pages)
    publisher, subscriber = await peer(page, app), await peer(page, app)
    mids = await subscriber.pull(await publisher.push(CALL))
    assert mids == ["0", "1"]
    await subscriber.flows(mids)


@pytest.mark.slow
async def test_echo_simulcast(app: App, chromium: Browser, pages: str) -> None:
    """The simulcast example: three layers, three seconds, and updates with the publisher's mids."""
    page = await opened(chromium, pages)
    publisher, subscriber = await peer(page, app), await peer(page, app)
    [video] = await publisher.push(HD, LAYERS)
    await page.wait_for_timeout(3000)
    [mid] = await subscriber.pull([video | wanting("f")])
    await subscriber.becomes(mid, WIDTHS["f"])
    for rid in ("q", "h", "f", "h"):
        answer = await subscriber.update([video | {"mid": "0"} | wanting(rid)])
        assert answer["tracks"][0]["mid"] == "0"
        assert await subscriber.becomes(mid, WIDTHS[rid]) < 2000
        await subscriber.flows([mid])


async def test_a_page_pulls_with_its_own_offer(app: App, chromium: Browser, pages: str) -> None:
    page = await opened(chromium, pages)
    publisher, subscriber = await peer(page, app), await peer(page, app)
    tracks = await publisher.push(CALL)
    await subscriber.flows(await subscriber.pull_with_offer(tracks, ["video", "audio"]))


async def test_both_sides_offer_on_one_connection(app: App, chromium: Browser, pages: str) -> None:
    """A connection sends first, then the SFU offers, then the page, and the SFU once more."""
    page = await opened(chromium, pages)
    one, other = await peer(page, app), await peer(page, app)
    from_other = await other.push(CALL)
    from_one = await one.push({"audio": True})
    first = await one.pull(from_other[:1])
    second = await one.pull_with_offer(from_other[1:], ["audio"])
    from_one += await one.push({"video": True})
    third = await one.pull(from_other)
    await one.flows([*first, *second, *third])
    await other.flows(await other.pull(from_one))


async def test_one_section_receives_another_track(app: App, chromium: Browser, pages: str) -> None:
    """``tracks/update`` with another track, without a description."""
    page = await opened(chromium, pages)
    publisher, subscriber = await peer(page, app), await peer(page, app)
    [small] = await publisher.push(VGA, [{"scaleResolutionDownBy": 2}])
    [large] = await publisher.push(VGA)
    [mid] = await subscriber.pull([small])
    await subscriber.becomes(mid, 320)
    await subscriber.update([large | {"mid": mid}])
    await subscriber.becomes(mid, 640)
    await subscriber.flows([mid])


@pytest.mark.slow
async def test_a_page_shows_forty_nine_videos(app: App, chromium: Browser, pages: str) -> None:
    """Seven times seven, all from one small camera, on one connection."""
    page = await opened(chromium, pages)
    publisher, subscriber = await peer(page, app), await peer(page, app)
    small = {"width": {"exact": 160}, "height": {"exact": 120}, "frameRate": 5}
    [video] = await publisher.push({"video": small})
    mids = []
    for _ in range(7):
        mids += await subscriber.pull([video] * 7)
    assert mids == [str(mid) for mid in range(49)]
    await subscriber.flows(mids, frames=5, seconds=30)


async def test_media_is_back_soon_after_the_first_section_stops(
    app: App, chromium: Browser, pages: str
) -> None:
    """Chromium throws its DTLS transport away with its first section, and begins another."""
    page = await opened(chromium, pages)
    one, other = await peer(page, app), await peer(page, app)
    video, audio = await one.push(CALL)
    received = await other.pull([video, audio])
    back = await one.pull(await other.push({"audio": True}))
    await other.flows(received)
    await one.flows(back)
    await one.close(["0"])
    assert await other.flows(received[1:], seconds=2) < 2000
    assert await one.flows(back, seconds=2) < 2000
    later = await other.pull(await one.push({"video": True}))
    await other.flows([*later, *received[1:]])
