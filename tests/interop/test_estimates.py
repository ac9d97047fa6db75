"""What Chromium believes of its way to us, by our feedback on arrivals."""

import pytest
from playwright.async_api import Browser

from tests.interop.calls import opened, peer
from tests.server import App

pytestmark = [pytest.mark.foreign, pytest.mark.browser]

BELIEVED = 1_500_000
"""Bits a second. It begins with 300,000, and without our feedback adds 8% a second."""


async def test_a_publisher_soon_believes_in_a_clean_way(
    app: App, chromium: Browser, pages: str
) -> None:
    publisher = await peer(await opened(chromium, pages), app)
    await publisher.push({"video": {"width": 640, "height": 480}, "audio": True})
    waited = await publisher.believes_in(BELIEVED)
    print(f"{BELIEVED} bit/s after {waited / 1000:.1f} s")
    assert waited < 10_000
