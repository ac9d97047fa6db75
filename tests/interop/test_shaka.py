"""Shaka in Chromium, playing real video that another project's tool publishes."""

import secrets
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.interop.clients import PYTHON, running
from tests.server import Relay

pytestmark = [pytest.mark.foreign, pytest.mark.browser, pytest.mark.slow]

PLAYED_SECONDS = 5


@pytest.mark.parametrize(
    ("published", "offer", "token_in"),
    [(16, "DRAFT_14", "path"), (14, "DRAFT_16", "path"), (16, "AUTO", "setup")],
    ids=["from-16-to-14", "from-14-to-16", "from-16-to-auto-with-the-token-in-setup"],
)
async def test_video_plays_for_five_seconds_without_an_error(
    relay: Relay, mp4: Path, page: Page, pages: str, published: int, offer: str, token_in: str
) -> None:
    namespace = ["tide", secrets.token_hex(4)]
    tool = [PYTHON, "-m", "aiomoqt.tools.pub_media", relay.moqt_url(), "-k"]
    media = ["--draft", str(published), "-N", "/".join(namespace), "--packaging", "cmaf"]
    async with running(*tool, *media, "--mp4", mp4, "--loop", "-t", "60") as publishing:
        await publishing.says("publishing...")
        await page.goto(f"{pages}/shaka.html")
        url, token = relay.webtransport_url(relay.subscribe_token), ""
        if token_in == "setup":
            url, token = url.removesuffix(relay.subscribe_token), relay.subscribe_token
        arguments = [url, f"{relay.http}/certificate.sha256", namespace, offer, token]
        await page.evaluate("(arguments) => play(...arguments)", arguments)
        started: dict[str, Any] = await page.evaluate("state()")
        await page.wait_for_function(
            "(goal) => state().currentTime >= goal || state().errors.length",
            arg=started["currentTime"] + PLAYED_SECONDS,
            timeout=20_000,
        )
        state: dict[str, Any] = await page.evaluate("state()")

    assert state["errors"] == []
    assert (state["videoWidth"], state["videoHeight"]) == (320, 180)
    assert state["frames"] - started["frames"] > PLAYED_SECONDS * 25 * 0.8
    assert state["corrupted"] == 0
