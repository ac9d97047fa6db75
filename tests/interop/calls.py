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
        pushed: list[Track] = await self._captured("push", constraints, encodings or [])
        return pushed

    async def prefer(self, mime: str) -> None:
        """What is pushed from now on is coded so, as ``video/VP9``."""
        await self._call("prefer", mime)

    async def pull(self, tracks: list[Track]) -> list[str]:
        """The mids, with an offer of the SFU's."""
        mids: list[str] = await self._call("pull", tracks)
        return mids

    async def pull_with_offer(self, tracks: list[Track], kinds: list[str]) -> list[str]:
        """The mids, with an offer of the page's."""
        mids: list[str] = await self._call("pullWithOffer", tracks, kinds)
        return mids

    async def send_offer(self, constraints: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
        """The answer to an offer that sends what is captured, with ``more`` in the request."""
        answer: dict[str, Any] = await self._captured("sendOffer", constraints, more)
        return answer

    async def push_both_ways(self, constraints: dict[str, Any], name: str) -> Track:
        """One track, in a section that can also receive."""
        pushed: Track = await self._captured("pushBothWays", constraints, name)
        return pushed

    async def fill(
        self, constraints: dict[str, Any], *, bidirectional: bool = False
    ) -> list[Track]:
        """What is captured, in sections that the SFU offers."""
        pushed: list[Track] = await self._captured("fill", constraints, bidirectional)
        return pushed

    async def pull_into(self, track: Track) -> str:
        """The mid of the section that was there already."""
        mid: str = await self._call("pullInto", track)
        return mid

    async def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A call below the session."""
        answer: dict[str, Any] = await self._call("call", method, f"{await self.id()}/{path}", body)
        return answer

    async def state(self) -> dict[str, Any]:
        """The session as the API sees it."""
        state: dict[str, Any] = await self._call("call", "GET", await self.id())
        return state

    async def id(self) -> str:
        """The session."""
        session: str = await self._handle.evaluate("(peer) => peer.id")
        return session

    async def ends(self) -> float:
        """Milliseconds until the other side has closed the DTLS association."""
        waited: float = await self._call("ends")
        return waited

    async def apart(self, video: str, audio: str) -> float:
        """Milliseconds between the moments that are shown and heard at the same time."""
        apart: float = await self._call("apart", video, audio)
        return apart

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

    async def codec(self, mid: str) -> str:
        """How what is received in ``mid`` is coded, as ``video/VP9``."""
        mime: str = await self._call("codec", mid)
        return mime

    async def longest_freeze(self, mid: str, seconds: float) -> float:
        """Seconds: the longest time without a new picture in ``mid``, of the next ``seconds``."""
        longest: float = await self._call("longestFreeze", mid, seconds)
        return longest

    async def believes_in(self, bits: int) -> float:
        """Milliseconds until the browser believes that its way carries so many bits a second."""
        waited: float = await self._call("believesIn", bits)
        return waited

    async def ufrag(self) -> str:
        """The page's ICE username fragment."""
        ufrag: str = await self._call("ufrag")
        return ufrag

    async def received(self) -> dict[str, Any]:
        """What each receiving section had so far, by mid."""
        rows: dict[str, Any] = await self._call("received")
        return rows

    async def _captured(self, method: str, constraints: dict[str, Any], *args: Any) -> Any:
        captured = await self.page.evaluate_handle("(what) => capture(what)", constraints)
        return await self._call(method, captured, *args)

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
