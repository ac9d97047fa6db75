"""What enemies of a call send, and the call that goes on meanwhile."""

import asyncio
import json
import random
import socket
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from tidegate.bench.sfu import sdp
from tidegate.bench.sfu.calls import Calls
from tidegate.bench.sfu.load import Credentials, Load

from tests.scenarios.conftest import Observed, observed_server
from tests.server import App

FRAMES = [[900, 300]]
FRAMES_A_SECOND = 30
SECRET = "app-secret-that-nobody-may-read"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """One server for all enemies, with default settings."""
    with observed_server(tmp_path_factory.mktemp("hostile")) as running:
        yield running


@pytest.fixture
def app(watched: Observed) -> App:
    return watched.server.create_app()


@pytest.fixture
async def http(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app's calls."""
    async with httpx.AsyncClient(base_url=app.url, headers=app.headers, timeout=30) as client:
        yield client


@dataclass
class Call:
    """A publisher and its subscribers."""

    load: Load
    room: Calls


@asynccontextmanager
async def call(app: App, subscribers: int) -> AsyncIterator[Call]:
    async with (
        Load.started(subscribers + 1) as load,
        Calls.room(app.url, app.secret) as room,
    ):
        load.pace(FRAMES, FRAMES_A_SECOND)
        await room.publish(load, [0], video=True)
        for _ in range(subscribers):
            await load.flowing(await room.subscribe(load, [0]))
        yield Call(load, room)


async def new_session(http: httpx.AsyncClient) -> str:
    session: str = (await http.post("/sessions/new")).json()["sessionId"]
    return session


def offer(tracks: int, *, tail: str = "") -> str:
    """An offer of so many videos, and whatever follows the last section's lines."""
    fingerprint = ":".join(["AB"] * 32)
    return sdp.offer(Credentials.random(), fingerprint, sdp.sent(range(tracks), video=True)) + tail


def described(text: str, type: str = "offer") -> dict[str, object]:
    return {"sessionDescription": {"type": type, "sdp": text}}


# UDP.


def stun(ufrag: str, dice: random.Random) -> bytes:
    """A binding request for a session, made without its password."""
    username = f"{ufrag}:them".encode()
    padded = username + bytes(-len(username) % 4)
    attributes = b"\0\x06" + len(username).to_bytes(2, "big") + padded
    attributes += b"\0\x25\0\0" + b"\0\x08\0\x14" + dice.randbytes(20)
    length = (len(attributes) + 8).to_bytes(2, "big")
    message = b"\0\1" + length + b"\x21\x12\xa4\x42" + dice.randbytes(12) + attributes
    fingerprint = zlib.crc32(message) ^ 0x5354554E
    return message + b"\x80\x28\0\4" + fingerprint.to_bytes(4, "big")


def client_hello(dice: random.Random) -> bytes:
    body = b"\xfe\xfd" + dice.randbytes(32) + b"\0\0" + b"\0\x02\xc0\x2b" + b"\1\0"
    length = len(body).to_bytes(3, "big")
    message = b"\1" + length + b"\0\0" + b"\0\0\0" + length + body
    return b"\x16\xfe\xfd" + bytes(8) + len(message).to_bytes(2, "big") + message


class Enemy:
    """A few sockets that send what nobody asked for, and note what comes back."""

    def __init__(self, address: str, ufrag: str) -> None:
        host, _, port = address.rpartition(":")
        self._to = (host, int(port))
        self._ufrag = ufrag
        self._dice = random.Random(7)
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
        for each in self._sockets:
            each.setblocking(False)
        self.sent = 0
        self.bytes_sent = 0
        self.bytes_got = 0

    def shoot(self) -> None:
        """A few hundred datagrams: random ones of every first byte, and well-made lies."""
        dice = self._dice
        lies = [stun(self._ufrag, dice), client_hello(dice), b"\x80\x60" + dice.randbytes(1_000)]
        random_ones = [bytes([first]) + dice.randbytes(dice.randrange(200)) for first in range(256)]
        for number, datagram in enumerate([*lies, *random_ones]):
            self._sockets[number % len(self._sockets)].sendto(datagram, self._to)
            self.sent += 1
            self.bytes_sent += len(datagram)

    def listen(self) -> None:
        for each in self._sockets:
            while True:
                try:
                    self.bytes_got += len(each.recv(2_000))
                except BlockingIOError:
                    break

    def leave(self) -> None:
        for each in self._sockets:
            each.close()


@pytest.mark.slow
async def test_a_call_goes_on_while_strangers_send_what_they_like(
    watched: Observed, app: App, http: httpx.AsyncClient
) -> None:
    session = await new_session(http)
    answer = await http.post(f"/sessions/{session}/tracks/new", json=described(offer(1)))
    theirs = sdp.parse(answer.json()["sessionDescription"]["sdp"])
    assert theirs.address is not None
    enemy = Enemy(theirs.address, theirs.credentials.ufrag)
    async with call(app, 3) as going:
        running = asyncio.create_task(going.load.run(4))
        while not running.done():
            enemy.shoot()
            await asyncio.sleep(0.02)
            enemy.listen()
        report = await running
    enemy.leave()
    print(f"{enemy.sent} datagrams, {enemy.bytes_got} bytes back; p99 {report.delay.p99:.1f} ms")
    assert enemy.sent > 10_000
    assert enemy.bytes_got < enemy.bytes_sent // 4
    assert report.expected > 300
    assert report.loss < 0.01
    assert watched.engine()["rtc_sessions"] < 10


@pytest.mark.slow
async def test_subscribers_that_vanish_take_nobody_with_them(app: App) -> None:
    async with call(app, 2) as staying, Load.started(20) as vanishing:
        for _ in range(20):
            await vanishing.flowing(await staying.room.subscribe(vanishing, [0]))
        running = asyncio.create_task(staying.load.run(3))
        vanishing._process.kill()
        report = await running
    assert report.expected > 200
    assert report.loss < 0.01


# HTTP.


async def longest_wait(http: httpx.AsyncClient, session: str, over: asyncio.Event) -> float:
    """How long a small request of another session had to wait at most."""
    longest = 0.0
    while not over.is_set():
        begun = time.monotonic()
        assert (await http.get(f"/sessions/{session}")).status_code == 200
        longest = max(longest, time.monotonic() - begun)
        await asyncio.sleep(0.05)
    return longest


BOMBS = {
    "too large": (json.dumps(described("v=0\r\n" + "a" * (1 << 20))), 413),
    "one long line": (json.dumps(described("v=0\r\n" + "a" * 900_000)), 400),
    "many lines": (json.dumps(described("v=0\r\n" + "a=x\r\n" * 99_000)), 400),
    "many sections": (json.dumps(described("v=0\r\n" + "m=audio 9 RTP/SAVPF 0\r\n" * 30_000)), 400),
    "512 sections that share a mid": (
        json.dumps(described("v=0\r\n" + "m=audio 9 RTP/SAVPF 0\r\na=mid:0\r\n" * 512)),
        406,
    ),
    "nested JSON": ('{"tracks":' + "[" * 500_000, 400),
    "many tracks": (json.dumps({"tracks": [{}] * 100_000}), 406),
    "a number": ("9" * 900_000, 400),
}


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_is_refused_and_others_hardly_wait(http: httpx.AsyncClient, bomb: str) -> None:
    body, status = BOMBS[bomb]
    session, neighbour, over = await new_session(http), await new_session(http), asyncio.Event()
    waiting = asyncio.create_task(longest_wait(http, neighbour, over))
    for _ in range(3):
        reply = await http.post(f"/sessions/{session}/tracks/new", content=body)
        assert reply.status_code == status, reply.text[:200]
        assert len(reply.content) < 500
    over.set()
    assert await waiting < 1.0


@pytest.mark.slow
async def test_64_sections_are_negotiated_a_hundred_times(
    watched: Observed, http: httpx.AsyncClient
) -> None:
    session, neighbour, over = await new_session(http), await new_session(http), asyncio.Event()
    resident = watched.resident()
    waiting = asyncio.create_task(longest_wait(http, neighbour, over))
    for _ in range(100):
        # Every section is another text each time: its ICE credentials are new.
        changed = offer(64)
        for attempt in range(5):
            reply = await http.post(f"/sessions/{session}/tracks/new", json=described(changed))
            if reply.status_code != 429:
                break
            await asyncio.sleep(0.1 * attempt)
        assert reply.status_code == 200, reply.text[:200]
    over.set()
    assert await waiting < 1.0
    assert watched.resident() - resident < 32 << 20


async def test_ids_of_another_app_are_unknown(
    watched: Observed, app: App, http: httpx.AsyncClient
) -> None:
    theirs = await new_session(http)
    other = watched.server.create_app("other")
    async with httpx.AsyncClient(base_url=other.url, headers=other.headers) as stranger:
        ours = await new_session(stranger)
        for method, path in [
            ("GET", ""),
            ("POST", "/tracks/new"),
            ("PUT", "/renegotiate"),
            ("PUT", "/tracks/close"),
        ]:
            body: dict[str, object] | None = None if method == "GET" else {}
            reply = await stranger.request(method, f"/sessions/{theirs}{path}", json=body)
            unknown = await stranger.request(method, f"/sessions/{'0' * 32}{path}", json=body)
            assert (reply.status_code, reply.json()) == (unknown.status_code, unknown.json())
            assert reply.status_code == 404
        wanted = {"location": "remote", "sessionId": theirs, "trackName": "cam"}
        pulled = await stranger.post(f"/sessions/{ours}/tracks/new", json={"tracks": [wanted]})
        assert pulled.json()["tracks"][0]["errorCode"] == "not_found_track_error"
    assert (await http.get(f"/sessions/{theirs}")).status_code == 200


async def test_nothing_but_the_secret_opens_an_app(app: App) -> None:
    for header in ["", "Bearer", f"Bearer {SECRET}", f"Bearer {app.secret[:-1]}", "x"]:
        async with httpx.AsyncClient(headers={"authorization": header}) as client:
            reply = await client.post(f"{app.url}/sessions/new")
        assert reply.status_code == 401
        assert app.secret not in reply.text


async def test_no_log_line_shows_a_description_or_a_secret(
    watched: Observed, app: App, http: httpx.AsyncClient
) -> None:
    session = await new_session(http)
    said = "ice-password-that-nobody-may-read"
    tails = (f"a=ice-pwd:{said}\r\n", f"a=rid:{said} x\r\n", f"a=ssrc:{said}\r\n")
    for text in (said, *(offer(1, tail=tail) for tail in tails)):
        reply = await http.post(f"/sessions/{session}/tracks/new", json=described(text))
        if reply.status_code != 200:
            assert said not in reply.text
    log = watched.server.log.read_text()
    for hidden in (said, SECRET, app.secret, "a=ice", "a=fingerprint", "v=0", "Traceback"):
        assert hidden not in log
