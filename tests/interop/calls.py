"""Peers in pages of ours, which call the SFU as Cloudflare's published examples do."""

from typing import Any

from playwright.async_api import Browser, JSHandle, Page

from tests.server import App

Track = dict[str, Any]


class Peer:
    """One connection in a page, and its session."""

    def __init__(self, page: Page, handle: JSHandle) -> None:
        self.page = page
        self._handle = handle

    async def push(
        self, constraints: dict[str, Any], encodings: list[dict[str, Any]] | None = None
    ) -> list[Track]:
        """What the page captures, video first; returns what others pull."""
        captured = await self.page.evaluate_handle("(what) => capture(what)", constraints)
        pushed: list[Track] = await self._handle.evaluate(
            "(peer, [captured, encodings]) => peer.push(captured, encodings)",
            [captured, encodings or []],
        )
        return pushed

    async def pull(self, tracks: list[Track]) -> list[str]:
        """The mids, with an offer of the SFU's."""
        mids: list[str] = await self._call("pull", tracks)
        return mids

    async def pull_with_offer(self, tracks: list[Track], kinds: list[str]) -> list[str]:
        """The mids, with an offer of the page's."""
        mids: list[str] = await self._call("pullWithOffer", tracks, kinds)
        return mids

    async def update(self, tracks: list[Track]) -> dict[str, Any]:
        answer: dict[str, Any] = await self._call("update", tracks)
        return answer

    async def close(self, mids: list[str]) -> None:
        """Stops sections by negotiation."""
        await self._call("close", mids)

    async def flows(self, mids: list[str], **options: Any) -> float:
        """Milliseconds until each of ``mids`` brought something; fails when one does not."""
        waited: float = await self._call("flows", mids, options)
        return waited

    async def becomes(self, mid: str, width: int) -> float:
        """Milliseconds until the picture in ``mid`` has this width."""
        waited: float = await self._call("becomes", mid, width)
        return waited

    async def longest_freeze(self, mid: str, seconds: float) -> float:
        """Seconds: the longest time without a new picture in ``mid``, of the next ``seconds``."""
        longest: float = await self._call("longestFreeze", mid, seconds)
        return longest

    async def ufrag(self) -> str:
        """The page's ICE username fragment."""
        ufrag: str = await self._call("ufrag")
        return ufrag

    async def received(self) -> dict[str, Any]:
        """What each receiving section had so far, by mid."""
        rows: dict[str, Any] = await self._call("received")
        return rows

    async def _call(self, method: str, *args: Any) -> Any:
        return await self._handle.evaluate(f"(peer, args) => peer.{method}(...args)", list(args))


async def opened(chromium: Browser, pages: str) -> Page:
    """An empty page, where peers can be made."""
    page = await chromium.new_page()
    page.on("console", lambda message: print("console:", message.text))
    page.on("pageerror", lambda error: print("page error:", error))
    await page.goto(f"{pages}/calls.html")
    await page.wait_for_function("window.ready")
    return page


async def peer(page: Page, app: App) -> Peer:
    """A new session of the app."""
    described = {"url": app.url, "secret": app.secret}
    return Peer(page, await page.evaluate_handle("(app) => peer(app)", described))
