"""@moq/net in Chromium, publishing and subscribing over WebTransport."""

import secrets
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.interop.clients import foreign, running
from tests.server import Relay

pytestmark = [pytest.mark.foreign, pytest.mark.browser]

# What a page offers in WT-Available-Protocols (nothing: SETUP decides), and what it then speaks.
OFFERS = {14: [], 16: ["moqt-16"]}
SPOKEN = {14: "moq-transport-14", 16: "moq-transport-16"}
PLAN: dict[str, Any] = {"groups": 5, "frames": 10, "size": 10_000}


async def opened(chromium: Browser, pages: str) -> Page:
    page = await chromium.new_page()
    page.on("console", lambda message: print("console:", message.text))
    await page.goto(f"{pages}/moq_net.html")
    await page.wait_for_function("window.ready")
    return page


async def publish(page: Page, relay: Relay, draft: int, path: str) -> str:
    """Announces ``path``; returns the version that was agreed on."""
    url = relay.webtransport_url()
    arguments = [url, relay.certificate_sha256, OFFERS[draft], path, "track", PLAN]
    version: str = await page.evaluate("(arguments) => publish(...arguments)", arguments)
    return version


async def subscribe(page: Page, relay: Relay, draft: int, path: str) -> list[str]:
    url = relay.webtransport_url(relay.subscribe_token)
    arguments = [url, relay.certificate_sha256, OFFERS[draft], path, "track", PLAN]
    lines: list[str] = await page.evaluate("(arguments) => subscribe(...arguments)", arguments)
    return lines


@pytest.mark.parametrize("subscriber", [14, 16], ids=lambda draft: f"to-{draft}")
@pytest.mark.parametrize("publisher", [14, 16], ids=lambda draft: f"from-{draft}")
async def test_a_page_reads_what_another_page_publishes(
    relay: Relay, chromium: Browser, pages: str, publisher: int, subscriber: int
) -> None:
    path = f"interop/{secrets.token_hex(4)}"
    source, sink = await opened(chromium, pages), await opened(chromium, pages)
    assert await publish(source, relay, publisher, path) == SPOKEN[publisher]
    received = await subscribe(sink, relay, subscriber, path)
    assert len(received) == PLAN["groups"] * PLAN["frames"]
    assert received == await source.evaluate("published()")


@pytest.mark.parametrize("draft", [14, 16])
async def test_a_page_reads_what_moq_rs_publishes(
    relay: Relay, chromium: Browser, pages: str, draft: int
) -> None:
    path = f"interop/{secrets.token_hex(4)}"
    sink = await opened(chromium, pages)
    async with running(*foreign("moq_rs.py"), "publish", relay.moqt_url(), path, "track") as source:
        await source.says("announced")
        received = await subscribe(sink, relay, draft, path)
        sent = await source.finishes()
    columns = [line.split() for line in sent]
    assert received == [f"{group} {frame} {sha256}" for group, frame, _, sha256, *_ in columns]
