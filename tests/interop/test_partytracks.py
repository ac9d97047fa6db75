"""partytracks, Cloudflare's own client library, in Chromium: unmodified but for its prefix."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.impairment import CUT, BadNetwork
from tests.server import App, Server

pytestmark = [pytest.mark.foreign, pytest.mark.browser]

CALL = {"video": True, "audio": True}
LAYERS = [{"rid": "a"}, {"rid": "b", "scaleResolutionDownBy": 2}]
HD = {"video": {"width": 1280, "height": 720}}


@asynccontextmanager
async def joined(
    chromium: Browser, pages: str, app: App, *, ask_for_ice_servers: bool = False
) -> AsyncIterator[Page]:
    """A page with a session of the app, gone when the block is left."""
    page = await chromium.new_page()
    page.on("console", lambda message: print("console:", message.text))
    page.on("pageerror", lambda error: print("page error:", error))
    await page.goto(f"{pages}/partytracks.html")
    await page.wait_for_function("window.ready")
    servers: list[Any] | None = None if ask_for_ice_servers else []
    await page.evaluate("(args) => join(...args)", [app.url, app.secret, servers])
    yield page
    await page.close()


async def push(page: Page, constraints: Any = None, encodings: Any = None) -> list[Any]:
    """What the page pushed, as others pull it; video first."""
    pushed: list[Any] = await page.evaluate(
        "(args) => push(...args)", [constraints or CALL, encodings or []]
    )
    return pushed


async def pull(page: Page, tracks: list[Any], rid: str | None = None) -> list[int]:
    """The numbers of what the page pulls now."""
    numbers: list[int] = await page.evaluate(
        "([tracks, rid]) => Promise.all(tracks.map((track) => pull(track, rid ?? undefined)))",
        [tracks, rid],
    )
    return numbers


async def flows(page: Page, numbers: list[int], **options: Any) -> float:
    """Milliseconds until all of these brought pictures and sound; fails when one does not."""
    waited: float = await page.evaluate("(args) => flows(...args)", [numbers, options])
    return waited


@pytest.mark.parametrize("ask_for_ice_servers", [False, True])
async def test_two_pages_see_and_hear_each_other(
    app: App, chromium: Browser, pages: str, ask_for_ice_servers: bool
) -> None:
    asks = {"ask_for_ice_servers": ask_for_ice_servers}
    async with joined(chromium, pages, app, **asks) as one, joined(chromium, pages, app) as other:
        from_one, from_other = await push(one), await push(other)
        seen_by_one, seen_by_other = await pull(one, from_other), await pull(other, from_one)
        await flows(one, seen_by_one)
        await flows(other, seen_by_other)


async def test_a_page_pulls_what_it_pushes(app: App, chromium: Browser, pages: str) -> None:
    async with joined(chromium, pages, app) as page:
        await flows(page, await pull(page, await push(page)))


async def test_who_closes_a_pull_keeps_the_others(app: App, chromium: Browser, pages: str) -> None:
    async with joined(chromium, pages, app) as one, joined(chromium, pages, app) as other:
        video, audio = await pull(other, await push(one))
        await flows(other, [video, audio])
        await other.evaluate("(number) => closePulled(number)", audio)
        await flows(other, [video])
        [again] = await pull(other, [(await one.evaluate("metadata()"))[1]])
        await flows(other, [video, again])


async def test_a_push_that_is_closed_leaves_the_others(
    app: App, chromium: Browser, pages: str
) -> None:
    """Closing its first section makes Chromium begin a new DTLS association."""
    async with joined(chromium, pages, app) as one, joined(chromium, pages, app) as other:
        video, audio = await pull(other, await push(one))
        await flows(other, [video, audio])
        await one.evaluate("closePushed(0)")
        await one.wait_for_function(
            "calls().some(({ type, endpoint }) =>"
            " type === 'response' && endpoint.includes('/tracks/close'))"
        )
        await flows(other, [audio], seconds=3)
        assert await one.evaluate("connectionState()") == "connected"
        [new] = await pull(other, await push(one, {"video": True}))
        await flows(other, [new, audio])


@pytest.mark.slow
async def test_a_pull_prefers_another_layer(app: App, chromium: Browser, pages: str) -> None:
    async with joined(chromium, pages, app) as one, joined(chromium, pages, app) as other:
        pushed = await push(one, HD, LAYERS)
        [small] = await pull(other, pushed, "b")
        await other.evaluate("(args) => becomes(...args)", [small, 640])
        await other.evaluate("(args) => prefer(...args)", [small, "a"])
        await other.evaluate("(args) => becomes(...args)", [small, 1280])
        await flows(other, [small])


@pytest.mark.slow
async def test_a_call_outlives_five_seconds_without_a_network(
    behind: Server, network: BadNetwork, chromium: Browser, pages: str
) -> None:
    """The sessions stay: nobody rebuilds, nobody pulls again."""
    app = behind.create_app()
    async with joined(chromium, pages, app) as one, joined(chromium, pages, app) as other:
        numbers = await pull(other, await push(one))
        await flows(other, numbers)
        sessions = [await page.evaluate("sessionId()") for page in (one, other)]
        network.impair(up=CUT, down=CUT)
        await other.wait_for_timeout(5000)
        network.impair()
        await flows(other, numbers, seconds=5)
        assert [await page.evaluate("sessionId()") for page in (one, other)] == sessions


@pytest.mark.slow
async def test_a_call_is_made_again_after_a_long_time_without_a_network(
    behind: Server, network: BadNetwork, chromium: Browser, pages: str
) -> None:
    """The library gives its session up, makes another and publishes again in it."""
    app = behind.create_app()
    async with joined(chromium, pages, app) as one, joined(chromium, pages, app) as other:
        numbers = await pull(other, await push(one))
        await flows(other, numbers)
        session = await one.evaluate("sessionId()")
        network.impair(up=CUT, down=CUT)
        await one.wait_for_function("(old) => sessionId() !== old", arg=session)
        network.impair()
        await one.wait_for_function("metadata().every((each) => each.sessionId === sessionId())")
        for number, metadata in zip(numbers, await one.evaluate("metadata()"), strict=True):
            await other.evaluate("(args) => pullAnother(...args)", [number, metadata])
        async with asyncio.timeout(30):
            await flows(other, numbers)
