"""Each codec of Chromium, from page to page."""

from typing import Any

import pytest
from playwright.async_api import Browser

from tests.interop.calls import opened, peer
from tests.server import App

pytestmark = [pytest.mark.foreign, pytest.mark.browser]

VGA = {"video": {"width": 640, "height": 480}}
SOUND = {"audio": True}


@pytest.mark.parametrize(
    ("capture", "mime", "encodings"),
    [
        (VGA, "video/VP8", []),
        (VGA, "video/VP9", []),
        (VGA, "video/VP9", [{"scalabilityMode": "L3T3_KEY"}]),
        (VGA, "video/H264", []),
        (VGA, "video/AV1", []),
        (VGA, "video/AV1", [{"scalabilityMode": "L1T3"}]),
        (SOUND, "audio/opus", []),
        (SOUND, "audio/red", []),
        (SOUND, "audio/PCMU", []),
        (SOUND, "audio/PCMA", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_sent_is_what_arrives(
    app: App,
    chromium: Browser,
    pages: str,
    capture: dict[str, Any],
    mime: str,
    encodings: list[dict[str, Any]],
) -> None:
    page = await opened(chromium, pages)
    publisher, subscriber = await peer(page, app), await peer(page, app)
    await publisher.prefer(mime)
    mids = await subscriber.pull(await publisher.push(capture, encodings))
    await subscriber.flows(mids)
    # Statistics name what RED carries.
    assert await subscriber.codec(mids[0]) == mime.replace("audio/red", "audio/opus")


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9", "AV1"])
async def test_layers_of_each_codec_are_switched(
    app: App, chromium: Browser, pages: str, codec: str
) -> None:
    page = await opened(chromium, pages)
    publisher, subscriber = await peer(page, app), await peer(page, app)
    await publisher.prefer(f"video/{codec}")
    layers: list[dict[str, Any]] = [{"rid": "a"}, {"rid": "b", "scaleResolutionDownBy": 2}]
    if codec in ("VP9", "AV1"):
        layers = [layer | {"scalabilityMode": "L1T1"} for layer in layers]
    [video] = await publisher.push(VGA, layers)
    [mid] = await subscriber.pull([video | {"simulcast": {"preferredRid": "b"}}])
    await subscriber.becomes(mid, 320)
    await subscriber.update([video | {"mid": mid, "simulcast": {"preferredRid": "a"}}])
    await subscriber.becomes(mid, 640)
    await subscriber.update([video | {"mid": mid, "simulcast": {"preferredRid": "b"}}])
    await subscriber.becomes(mid, 320)
    await subscriber.flows([mid])
