"""Janus: its video room over its HTTP API. Sessions are handles of one Janus session."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tidegate.bench.sfu import sdp
from tidegate.bench.sfu.load import Credentials, Load
from tidegate.errors import BenchError

_ROOM = 1
_ANSWER_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class _Feed:
    """Where a track is found: its publisher, and the section there."""

    publisher: int
    mid: str


class Janus:
    """A room, and who is in it."""

    def __init__(self, http: httpx.AsyncClient, session: int) -> None:
        self._http = http
        self._session = session
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._feeds: dict[int, _Feed] = {}

    @classmethod
    @asynccontextmanager
    async def room(cls, url: str) -> AsyncIterator["Janus"]:
        """Makes a room on the server whose HTTP API is at ``url``."""
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits) as http:
            made = await http.post("", json={"janus": "create", "transaction": "create"})
            janus = cls(http, made.json()["data"]["id"])
            listener = asyncio.create_task(janus._listen())
            try:
                handle = await janus._attach()
                room = {"request": "create", "room": _ROOM, "publishers": 1000, "bitrate": 0}
                quiet = {"fir_freq": 0, "audiocodec": "opus", "videocodec": "vp8"}
                await janus._ask(handle, {**room, **quiet})
                yield janus
            finally:
                listener.cancel()

    async def publish(self, load: Load, tracks: Sequence[int], *, video: bool) -> int:
        """Publishes tracks of these numbers in one session; returns its id."""
        handle = await self._attach()
        joined = await self._ask(handle, {"request": "join", "ptype": "publisher", "room": _ROOM})
        local = Credentials.random()
        sent = sdp.sent(tracks, video=video)
        offer = sdp.offer(local, load.identity.fingerprint, sent)
        described = await self._ask(
            handle, {"request": "publish"}, {"type": "offer", "sdp": offer, "trickle": False}
        )
        for track in sent:
            assert track.mid is not None
            self._feeds[track.number] = _Feed(joined["plugindata"]["data"]["id"], track.mid[1])
        theirs = sdp.parse(described["jsep"]["sdp"])
        return await load.connect(theirs.publisher(local, sent))

    async def subscribe(self, load: Load, tracks: Sequence[int]) -> int:
        """Subscribes one session to tracks; returns its id."""
        handle = await self._attach()
        feeds = [self._feeds[number] for number in tracks]
        streams = [{"feed": feed.publisher, "mid": feed.mid} for feed in feeds]
        join = {"request": "join", "ptype": "subscriber", "room": _ROOM, "streams": streams}
        offered = await self._ask(handle, join)
        theirs = sdp.parse(offered["jsep"]["sdp"])
        local = Credentials.random()
        answer = sdp.answer(local, load.identity.fingerprint, theirs.sections)
        await self._ask(
            handle, {"request": "start"}, {"type": "answer", "sdp": answer, "trickle": False}
        )
        payload_types = [section.payload_type for section in theirs.sections]
        return await load.connect(theirs.subscriber(local, tracks, payload_types))

    async def _attach(self) -> int:
        attach = {"janus": "attach", "plugin": "janus.plugin.videoroom", "transaction": "attach"}
        attached = await self._http.post(f"/{self._session}", json=attach)
        handle: int = attached.json()["data"]["id"]
        return handle

    async def _ask(
        self, handle: int, body: dict[str, Any], jsep: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Asks the plugin, and waits for what it says; some answers come as events."""
        transaction = secrets.token_hex(8)
        message = {"janus": "message", "transaction": transaction, "body": body}
        if jsep is not None:
            message["jsep"] = jsep
        later: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[transaction] = later
        posted = await self._http.post(f"/{self._session}/{handle}", json=message)
        answer: dict[str, Any] = posted.json()
        if answer["janus"] == "ack":
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await later
        del self._answers[transaction]
        data = answer.get("plugindata", {}).get("data", {})
        if answer["janus"] == "error" or "error" in data:
            raise BenchError(f"Janus: {data.get('error') or answer['error']['reason']}")
        return answer

    async def _listen(self) -> None:
        while True:
            got = await self._http.get(f"/{self._session}", params={"maxev": 50})
            events = got.json()
            for event in events if isinstance(events, list) else [events]:
                waiting = self._answers.get(event.get("transaction", ""))
                if waiting is not None and not waiting.done():
                    waiting.set_result(event)
