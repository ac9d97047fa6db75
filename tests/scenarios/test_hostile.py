"""Peers that break the rules hear which one, and nobody else notices."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import SessionCode
from tidegate.moqt.subscription import LARGEST_OBJECT
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import write_varint

from tests.scenarios.peer import PROFILES, Peer, Peers, namespace, track
from tests.server import Relay, Transport, running_server

TRANSPORTS: list[Transport] = ["quic", "webtransport"]
DRAFTS = pytest.mark.parametrize("profile", PROFILES, ids=str)


def frame(message_type: int, payload: bytes, length: int | None = None) -> bytes:
    """A control message as it stands on the wire; ``length`` may lie."""
    out = bytearray()
    write_varint(out, message_type)
    out += (len(payload) if length is None else length).to_bytes(2, "big")
    return bytes(out + payload)


def subscribe_payload(peer: Peer) -> bytes:
    message = messages.Subscribe(0, track("live/cam", "video"), filter=LARGEST_OBJECT)
    return messages.encode(peer.profile, message)[3:]


def says(data: Callable[[Peer], bytes], *, fin: bool = False) -> Callable[[Peer], Awaitable[None]]:
    async def act(peer: Peer) -> None:
        peer.say_bytes(data(peer), fin=fin)

    return act


async def publishes_two_tracks_under_one_alias(peer: Peer) -> None:
    await peer.publish("live/cam", "video", alias=7)
    peer.say(messages.Publish(peer.next_request(), track("live/cam", "audio"), 7))


async def asks_beyond_its_credit(peer: Peer) -> None:
    peer.say(messages.PublishNamespace(1_000_000, namespace("live/cam")))


async def skips_a_request_id(peer: Peer) -> None:
    peer.say(messages.PublishNamespace(2, namespace("live/cam")))


async def names_a_track_too_long(peer: Peer) -> None:
    peer.say(messages.Subscribe(0, track("live/cam", "v" * 4097), filter=LARGEST_OBJECT))


async def opens_a_second_control_stream(peer: Peer) -> None:
    stream = peer.peers.engine.open_stream(peer.session, True)
    peer.say(messages.ClientSetup((), messages.SetupOptions()), stream=stream)


VIOLATION = SessionCode.PROTOCOL_VIOLATION
FAULTS = {
    "an unknown message": (says(lambda _: frame(0x3F, b"")), VIOLATION),
    "a message cut short": (says(lambda p: frame(0x03, subscribe_payload(p)[:-3])), VIOLATION),
    "a message too long": (says(lambda p: frame(0x03, subscribe_payload(p) + b"\0")), VIOLATION),
    "65 kB of nothing": (says(lambda _: frame(0x03, bytes(0xFFFF))), VIOLATION),
    "an end inside a message": (
        says(lambda p: frame(0x03, subscribe_payload(p)[:-3], 200), fin=True),
        VIOLATION,
    ),
    "an ended control stream": (says(lambda _: b"", fin=True), VIOLATION),
    "SETUP twice": (says(lambda p: frame(0x20, b"\0\0")), VIOLATION),
    "a name over 4096 bytes": (names_a_track_too_long, VIOLATION),
    "two control streams": (opens_a_second_control_stream, VIOLATION),
    "an alias twice": (publishes_two_tracks_under_one_alias, SessionCode.DUPLICATE_TRACK_ALIAS),
    "a request beyond its credit": (asks_beyond_its_credit, SessionCode.TOO_MANY_REQUESTS),
    "a request id out of turn": (skips_a_request_id, SessionCode.INVALID_REQUEST_ID),
}


@DRAFTS
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_closes_the_session_with_its_code(
    relay: Relay, peers: Peers, profile: Profile, fault: str
) -> None:
    act, code = FAULTS[fault]
    for transport in TRANSPORTS:
        neighbour = await peers.enter(relay.url(transport), profile)
        peer = await peers.enter(relay.url(transport), profile)
        await act(peer)
        assert (await peer.closes())[0] == code
        await neighbour.publish("live/cam")


@DRAFTS
async def test_a_data_stream_of_no_known_kind_ends_the_session(
    relay: Relay, peers: Peers, profile: Profile
) -> None:
    peer = await peers.enter(relay.moqt_url(), profile)
    peer.open_data(b"\x3f" + bytes(100))
    assert (await peer.closes())[0] == VIOLATION


@pytest.mark.slow
async def test_who_does_not_finish_is_waited_for_ten_seconds(relay: Relay, peers: Peers) -> None:
    """Data streams without a whole header, a message byte by byte, no SETUP at all."""
    await asyncio.gather(*(dawdle(relay, peers, profile) for profile in PROFILES))


async def dawdle(relay: Relay, peers: Peers, profile: Profile) -> None:
    publisher = await peers.enter(relay.moqt_url(), profile)
    await publisher.publish(f"{profile}/cam")
    slow = [publisher.open_data(b"\x10") for _ in range(200)]
    halting = await peers.enter(relay.moqt_url(), profile)
    halting.say_bytes(frame(0x03, subscribe_payload(halting)[:5], 60))
    mute = await peers.connect(relay.moqt_url(), profile)
    async with asyncio.timeout(15):
        while not (halting.closed and mute.closed):
            halting.say_bytes(b"a")
            mute.open_data(b"\x10")
            await asyncio.sleep(0.5)  # often enough for QUIC not to think that they have gone

    assert halting.closed.code == SessionCode.CONTROL_MESSAGE_TIMEOUT
    assert mute.closed.code == SessionCode.CONTROL_MESSAGE_TIMEOUT
    await publisher.until(lambda: len(publisher.stopped_streams) == len(slow))
    assert set(publisher.stopped_streams) == set(slow)
    viewer = await peers.enter(relay.moqt_url(), profile)
    await viewer.watch(f"{profile}/cam")


async def test_an_address_has_its_share_of_sessions(tmp_path: Path, peers: Peers) -> None:
    settings = {"TIDEGATE_LIMITS_SESSIONS_PER_ADDRESS": "3", "TIDEGATE_SHARDS": "1"}
    with running_server(tmp_path, settings) as server:
        url = server.create_relay().moqt_url()
        mine = [await peers.enter(url) for _ in range(3)]
        one_more = peers.dial(url)
        await one_more.closes()
        assert not one_more.connected
        async with Peers.opened("127.0.0.9") as elsewhere:
            await elsewhere.enter(url)
        mine[0].leave()
        await peers.enter_at_last(url)


async def test_handshakes_have_a_rate(tmp_path: Path, peers: Peers) -> None:
    settings = {"TIDEGATE_LIMITS_HANDSHAKES_PER_SECOND": "20", "TIDEGATE_SHARDS": "1"}
    with running_server(tmp_path, settings) as server:
        url = server.create_relay().moqt_url()
        begun = time.monotonic()
        crowd = [peers.dial(url) for _ in range(100)]
        await asyncio.gather(*(settled(peer) for peer in crowd))
        took = time.monotonic() - begun
        through = sum(peer.connected for peer in crowd)
        assert 20 <= through <= 21 + 20 * took
        await peers.enter_at_last(url)


async def test_half_open_handshakes_keep_nobody_out(tmp_path: Path, peers: Peers) -> None:
    """First packets from many addresses, never followed by a second: beyond half of the limit the
    server keeps nothing of them but asks for a proof of the address, which honest clients give.
    """
    half_open, attackers = 100, 400
    settings = {"TIDEGATE_LIMITS_HALF_OPEN": str(half_open), "TIDEGATE_SHARDS": "1"}
    with running_server(tmp_path, settings) as server, ExitStack() as stack:
        target = urlsplit(server.moq)
        firsts = await first_packets(peers, attackers)
        kinds = Counter[str]()
        for number, first in enumerate(firsts):
            source = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            source.bind((f"127.1.{number // 250}.{number % 250 + 1}", 0))
            source.settimeout(5)
            source.sendto(first, (target.hostname, target.port))
            kinds["retry" if source.recv(2048)[0] >> 4 == LONG_RETRY else "kept"] += 1
        assert kinds == {"kept": half_open // 2, "retry": attackers - half_open // 2}
        begun = time.monotonic()
        await peers.enter(server.create_relay().moqt_url())
        assert time.monotonic() - begun < 5


async def settled(peer: Peer) -> None:
    """Waits until a peer knows whether it was let in."""
    await peer.until(lambda: peer.connected or peer.closed)


LONG_RETRY = 0xF
"""The first four bits of a Retry packet (RFC 9000 §17.2.5)."""


async def first_packets(peers: Peers, count: int) -> list[bytes]:
    """The first packets of so many connections, each with its own connection id."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        nobody.bind(("127.0.0.1", 0))
        nobody.setblocking(False)
        loop = asyncio.get_running_loop()
        found: dict[bytes, bytes] = {}
        for _ in range(count):
            peers.dial(f"moqt://127.0.0.1:{nobody.getsockname()[1]}/")
        async with asyncio.timeout(20):
            while len(found) < count:
                packet = await loop.sock_recv(nobody, 2048)
                found.setdefault(packet[6 : 6 + packet[5]], packet)
    return [*found.values()]
