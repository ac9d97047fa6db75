"""A bad network between real clients and a real server: a seeded UDP forwarder on loopback.

Clients are pointed at :attr:`BadNetwork.port` (``TIDEGATE_ANNOUNCE`` puts it into every candidate)
and each gets a socket of its own towards the server. All legs are perfect until told otherwise; a
WebRTC leg is known by an ICE username fragment of its session, the client's or the server's.
"""

import heapq
import itertools
import random
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_LARGEST = 65_536
_BUFFER_BYTES = 4 << 20
_STUN_COOKIE = 0x2112A442
_STUN_USERNAME = 0x0006


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of one leg.

    Attributes:
        loss: the share of packets that vanish, 0 to 1; 1 cuts the link.
        delay: seconds that every packet takes.
        reorder: the share of packets that take ``reorder_delay`` seconds longer, and so come after
            later ones.
        duplicate: the share of packets that come twice.
    """

    loss: float = 0.0
    delay: float = 0.0
    reorder: float = 0.0
    reorder_delay: float = 0.02
    duplicate: float = 0.0

    def arrivals(self, dice: random.Random) -> list[float]:
        """The delays at which copies of one packet arrive; empty when it is lost."""
        if dice.random() < self.loss:
            return []
        late = self.reorder_delay if dice.random() < self.reorder else 0.0
        copies = 2 if dice.random() < self.duplicate else 1
        return [self.delay + late] * copies


PERFECT = Link()
CUT = Link(loss=1.0)


@dataclass(slots=True)
class Leg:
    """One client, by its address, as the server sees it through a socket of ours."""

    client: tuple[str, int]
    upstream: socket.socket
    dice: random.Random
    ufrags: set[str] = field(default_factory=set)
    up: Link = PERFECT
    down: Link = PERFECT


class BadNetwork:
    """Forwards UDP on 127.0.0.1 to a server's port, as badly as it is told.

    Attributes:
        port: where clients send to.
        lost: packets that were made to vanish, both ways.
    """

    def __init__(self, server_port: int | None = None, *, seed: int = 1) -> None:
        self._server = None if server_port is None else ("127.0.0.1", server_port)
        self._seed = seed
        self._front = _bound()
        self.port: int = self._front.getsockname()[1]
        self.lost = 0
        self._legs: dict[tuple[str, int], Leg] = {}
        self._forgotten: list[socket.socket] = []
        self._links: dict[str, tuple[Link, Link]] = {}
        self._everyone = (PERFECT, PERFECT)
        self._due: list[tuple[float, int, socket.socket, bytes, tuple[str, int]]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._front, selectors.EVENT_READ, None)
        self._waker, self._wake = socket.socketpair()
        self._selector.register(self._waker, selectors.EVENT_READ, self)
        self._thread = threading.Thread(target=self._run, name="bad-network", daemon=True)
        self._stopped = False

    def forward_to(self, server_port: int) -> None:
        """Names the server, which may have been started with our port as its announced one."""
        self._server = ("127.0.0.1", server_port)

    def impair(self, ufrag: str | None = None, *, up: Link = PERFECT, down: Link = PERFECT) -> None:
        """How packets of one leg travel from now on: ``up`` to the server, ``down`` from it.

        Without ``ufrag``: those of every leg that is not named.
        """
        with self._lock:
            if ufrag is None:
                self._everyone = (up, down)
            else:
                self._links[ufrag] = (up, down)
            for leg in self._legs.values():
                self._set(leg)

    def rebind(self, ufrag: str | None = None) -> None:
        """Gives a leg another port towards the server, as a NAT does that has forgotten it.

        What the server sends to the old port is lost. Without ``ufrag``: every leg.
        """
        with self._lock:
            for leg in self._legs.values():
                if ufrag is None or ufrag in leg.ufrags:
                    self._selector.unregister(leg.upstream)
                    self._forgotten.append(leg.upstream)
                    leg.upstream = _bound()
                    self._selector.register(leg.upstream, selectors.EVENT_READ, leg)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._wake.send(b"x")
        self._thread.join()
        for leg in self._legs.values():
            leg.upstream.close()
        for each in (*self._forgotten, self._front, self._waker, self._wake):
            each.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._stopped:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _ in self._selector.select(wait):
                if key.data is self:
                    self._waker.recv(64)
                elif key.data is None:
                    self._from_clients()
                else:
                    self._from_server(key.data)
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, out, packet, to = heapq.heappop(self._due)
                _send(out, packet, to)

    def _from_clients(self) -> None:
        for packet, client in _received(self._front):
            leg = self._legs.get(client) or self._new_leg(client)
            for ufrag in ufrags_of(packet) - leg.ufrags:
                with self._lock:
                    leg.ufrags.add(ufrag)
                    self._set(leg)
            if self._server is not None:
                self._carry(leg, leg.up, packet, leg.upstream, self._server)

    def _from_server(self, leg: Leg) -> None:
        for packet, _ in _received(leg.upstream):
            self._carry(leg, leg.down, packet, self._front, leg.client)

    def _carry(
        self, leg: Leg, link: Link, packet: bytes, out: socket.socket, to: tuple[str, int]
    ) -> None:
        arrivals = link.arrivals(leg.dice)
        self.lost += not arrivals
        for delay in arrivals:
            if delay == 0.0:
                _send(out, packet, to)
            else:
                at = time.monotonic() + delay
                heapq.heappush(self._due, (at, next(self._order), out, packet, to))

    def _new_leg(self, client: tuple[str, int]) -> Leg:
        # The order in which clients come is the test's own; their ports are not.
        leg = Leg(client, _bound(), random.Random(f"{self._seed}/{len(self._legs)}"))
        with self._lock:
            self._legs[client] = leg
            self._set(leg)
            self._selector.register(leg.upstream, selectors.EVENT_READ, leg)
        return leg

    def _set(self, leg: Leg) -> None:
        named = next((self._links[each] for each in leg.ufrags if each in self._links), None)
        leg.up, leg.down = named or self._everyone


@contextmanager
def bad_network(server_port: int | None = None, *, seed: int = 1) -> Iterator[BadNetwork]:
    """A network that runs while the block does."""
    network = BadNetwork(server_port, seed=seed)
    network.start()
    try:
        yield network
    finally:
        network.stop()


def ufrags_of(packet: bytes) -> set[str]:
    """Both fragments of the USERNAME of a STUN binding request (RFC 8445 §7.2.2); else nothing."""
    if len(packet) < 20 or packet[0] > 3:
        return set()
    _, length, cookie = struct.unpack_from("!HHI", packet)
    if cookie != _STUN_COOKIE or length != len(packet) - 20:
        return set()
    at = 20
    while at + 4 <= len(packet):
        kind, size = struct.unpack_from("!HH", packet, at)
        if kind == _STUN_USERNAME:
            return set(packet[at + 4 : at + 4 + size].decode("ascii", "replace").split(":"))
        at += 4 + (size + 3) // 4 * 4
    return set()


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
    return made


def _received(source: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    while True:
        try:
            yield source.recvfrom(_LARGEST)
        except (BlockingIOError, ConnectionRefusedError):
            return


def _send(out: socket.socket, packet: bytes, to: tuple[str, int]) -> None:
    try:
        out.sendto(packet, to)
    except (BlockingIOError, ConnectionRefusedError):
        # A full buffer or a closed port: lost, as on any network.
        return
