"""LiveKit: a room over its WebSocket signalling. Each session is a participant of its own."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

import jwt
from livekit.protocol import models, rtc
from websockets.asyncio.client import ClientConnection, connect

from tidegate.bench.sfu import sdp
from tidegate.bench.sfu.load import Credentials, Load
from tidegate.errors import BenchError

KEY = "bench"
_PROTOCOL = 15
_TOKEN_SECONDS = 3600
_PING_SECONDS = 4.0
_ANSWER_SECONDS = 20.0


class LiveKit:
    """A room, and who is in it. Whoever subscribes gets all that is published."""

    def __init__(self, url: str, secret: str, stack: AsyncExitStack) -> None:
        self._url = url
        self._secret = secret
        self._stack = stack
        self._participants = count()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    @asynccontextmanager
    async def room(cls, url: str, secret: str) -> AsyncIterator["LiveKit"]:
        """A room on the server whose signalling is at ``url``."""
        async with AsyncExitStack() as stack:
            room = cls(url, secret, stack)
            try:
                yield room
            finally:
                for task in room._tasks:
                    task.cancel()

    async def publish(self, load: Load, tracks: Sequence[int], *, video: bool) -> int:
        """Publishes tracks of these numbers in one session; returns its id."""
        participant = await self._join()
        sent = sdp.sent(tracks, video=video)
        for track in sent:
            kind = models.TrackType.VIDEO if video else models.TrackType.AUDIO
            source = models.TrackSource.CAMERA if video else models.TrackSource.MICROPHONE
            added = rtc.AddTrackRequest(
                cid=f"track{track.number}", name=f"track{track.number}", type=kind, source=source
            )
            if video:
                added.width, added.height = 640, 360
            await participant.send(rtc.SignalRequest(add_track=added))
        local = Credentials.random()
        offer = sdp.offer(local, load.identity.fingerprint, sent)
        offered = rtc.SessionDescription(type="offer", sdp=offer)
        await participant.send(rtc.SignalRequest(offer=offered))
        described = await participant.answers.get()
        theirs = sdp.parse(described.sdp)
        address = theirs.address or await participant.address(rtc.SignalTarget.PUBLISHER)
        return await load.connect(theirs.publisher(local, sent, address))

    async def subscribe(self, load: Load, tracks: Sequence[int]) -> int:
        """Subscribes one session to everything, which is to be ``tracks``; returns its id."""
        participant = await self._join()
        local = Credentials.random()
        media: list[sdp.Section] = []
        while len(media) < len(tracks):
            # The first offer may come before the room's tracks are in it.
            offered = await participant.offers.get()
            theirs = sdp.parse(offered.sdp)
            answer = sdp.answer(local, load.identity.fingerprint, theirs.sections)
            answered = rtc.SessionDescription(type="answer", sdp=answer, id=offered.id)
            await participant.send(rtc.SignalRequest(answer=answered))
            media = [one for one in theirs.sections if one.kind in ("audio", "video")]
        address = theirs.address or await participant.address(rtc.SignalTarget.SUBSCRIBER)
        payload_types = sorted({section.payload_type for section in media})
        return await load.connect(theirs.subscriber(local, tracks, payload_types, address))

    async def _join(self) -> "_Participant":
        number = next(self._participants)
        claims = {
            "iss": KEY,
            "sub": f"session{number}",
            "exp": int(time.time()) + _TOKEN_SECONDS,
            "video": {"roomJoin": True, "room": "bench"},
        }
        token = jwt.encode(claims, self._secret, "HS256")
        query = f"access_token={token}&auto_subscribe=1&protocol={_PROTOCOL}&sdk=js"
        socket = await self._stack.enter_async_context(
            connect(f"{self._url}/rtc?{query}", max_size=None, compression=None, proxy=None)
        )
        participant = _Participant(socket)
        self._tasks += [
            asyncio.create_task(participant.listen()),
            asyncio.create_task(participant.ping()),
        ]
        async with asyncio.timeout(_ANSWER_SECONDS):
            await participant.joined.wait()
        return participant


class _Participant:
    """One WebSocket, its messages sorted by what they answer."""

    def __init__(self, socket: ClientConnection) -> None:
        self.joined = asyncio.Event()
        self.offers: asyncio.Queue[rtc.SessionDescription] = asyncio.Queue()
        self.answers: asyncio.Queue[rtc.SessionDescription] = asyncio.Queue()
        self._socket = socket
        self._addresses: dict[int, asyncio.Future[str]] = {
            target: asyncio.get_running_loop().create_future()
            for target in (rtc.SignalTarget.PUBLISHER, rtc.SignalTarget.SUBSCRIBER)
        }

    async def send(self, request: rtc.SignalRequest) -> None:
        await self._socket.send(request.SerializeToString())

    async def address(self, target: int) -> str:
        """Where the server takes the media of its publishing or its subscribing connection."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._addresses[target]
        except TimeoutError:
            raise BenchError("LiveKit has no address") from None

    async def listen(self) -> None:
        async for message in self._socket:
            if isinstance(message, bytes):
                self._hear(rtc.SignalResponse.FromString(message))

    async def ping(self) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            await self.send(rtc.SignalRequest(ping=int(time.time() * 1000)))

    def _hear(self, response: rtc.SignalResponse) -> None:
        match response.WhichOneof("message"):
            case "join":
                self.joined.set()
            case "offer":
                self.offers.put_nowait(response.offer)
            case "answer":
                self.answers.put_nowait(response.answer)
            case "trickle":
                given = json.loads(response.trickle.candidateInit).get("candidate", "")
                found = sdp.candidate(given.removeprefix("candidate:")) if given else None
                waiting = self._addresses[response.trickle.target]
                if found is not None and not waiting.done():
                    waiting.set_result(found)


def new_secret() -> str:
    """For a server that is about to start."""
    return secrets.token_hex(16)
