"""This project's SFU, or Cloudflare's: signalling over the Realtime API."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tidegate.bench.sfu import sdp
from tidegate.bench.sfu.load import Credentials, Load
from tidegate.errors import BenchError

_TRACKS_PER_REQUEST = 64


class Calls:
    """An app, and the sessions in it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._publishers: dict[int, str] = {}

    @classmethod
    @asynccontextmanager
    async def room(cls, app: str, secret: str) -> AsyncIterator["Calls"]:
        """The app whose URL is ``app``."""
        headers = {"Authorization": f"Bearer {secret}"}
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(
            base_url=app, headers=headers, timeout=30, limits=limits
        ) as http:
            yield cls(http)

    async def publish(self, load: Load, tracks: Sequence[int], *, video: bool) -> int:
        """Publishes tracks of these numbers in one session; returns its id."""
        session = await self._new_session()
        local, sent = Credentials.random(), sdp.sent(tracks, video=video)
        offer = sdp.offer(local, load.identity.fingerprint, sent)
        local_tracks = [
            {"location": "local", "mid": str(mid), "trackName": str(number)}
            for mid, number in enumerate(tracks)
        ]
        description = {"type": "offer", "sdp": offer}
        body = {"sessionDescription": description, "tracks": local_tracks}
        answered = await self._ask("POST", f"/sessions/{session}/tracks/new", body)
        self._publishers |= dict.fromkeys(tracks, session)
        theirs = sdp.parse(answered["sessionDescription"]["sdp"])
        return await load.connect(theirs.publisher(local, sent))

    async def subscribe(self, load: Load, tracks: Sequence[int]) -> int:
        """Subscribes one session to tracks; returns its id."""
        session, local = await self._new_session(), Credentials.random()
        connected: int | None = None
        for start in range(0, len(tracks), _TRACKS_PER_REQUEST):
            pulled = tracks[start : start + _TRACKS_PER_REQUEST]
            remote = [
                {
                    "location": "remote",
                    "sessionId": self._publishers[number],
                    "trackName": str(number),
                }
                for number in pulled
            ]
            offered = await self._ask("POST", f"/sessions/{session}/tracks/new", {"tracks": remote})
            theirs = sdp.parse(offered["sessionDescription"]["sdp"])
            answer = sdp.answer(local, load.identity.fingerprint, theirs.sections)
            description = {"type": "answer", "sdp": answer}
            body = {"sessionDescription": description}
            await self._ask("PUT", f"/sessions/{session}/renegotiate", body)
            if connected is None:
                payload_types = sorted({one.payload_type for one in theirs.sections})
                connected = await load.connect(theirs.subscriber(local, tracks, payload_types))
        assert connected is not None
        return connected

    async def _new_session(self) -> str:
        made = await self._ask("POST", "/sessions/new", None)
        session: str = made["sessionId"]
        return session

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        answered = await self._http.request(method, path, json=body)
        answer: dict[str, Any] = answered.json()
        for one in [answer, *answer.get("tracks", [])]:
            if "errorCode" in one:
                raise BenchError(f"{one['errorCode']}: {one.get('errorDescription', '')}")
        return answer
