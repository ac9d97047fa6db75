"""The bad network is as bad as it is told, and the same for the same seed."""

import random
import socket
from collections.abc import Iterator

import pytest

from tests.impairment import CUT, Link, bad_network, ufrags_of


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        yield listening


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dialling:
        dialling.settimeout(5)
        yield dialling


def binding_request(username: bytes) -> bytes:
    padded = username + bytes(-len(username) % 4)
    attribute = b"\x00\x06" + len(username).to_bytes(2, "big") + padded
    header = b"\x00\x01" + len(attribute).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12)
    return header + attribute


def test_a_perfect_network_carries_packets_both_ways(
    server: socket.socket, client: socket.socket
) -> None:
    with bad_network(server.getsockname()[1]) as network:
        client.sendto(b"ping", ("127.0.0.1", network.port))
        packet, back = server.recvfrom(100)
        server.sendto(b"pong to " + packet, back)
        assert client.recv(100) == b"pong to ping"


def test_a_cut_leg_carries_nothing_and_another_is_not_touched(
    server: socket.socket, client: socket.socket
) -> None:
    with (
        bad_network(server.getsockname()[1]) as network,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        network.impair("cutme", up=CUT)
        client.sendto(binding_request(b"sfu:cutme"), ("127.0.0.1", network.port))
        client.sendto(b"lost too", ("127.0.0.1", network.port))
        other.sendto(b"arrives", ("127.0.0.1", network.port))
        assert server.recv(100) == b"arrives"
        assert network.lost == 2


def test_a_delayed_packet_comes_after_a_later_one(
    server: socket.socket, client: socket.socket
) -> None:
    with bad_network(server.getsockname()[1]) as network:
        network.impair(up=Link(delay=0.05))
        client.sendto(b"first", ("127.0.0.1", network.port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as direct:
            direct.sendto(b"second", server.getsockname())
        assert [server.recv(100), server.recv(100)] == [b"second", b"first"]


def test_a_leg_that_is_bound_anew_has_another_port_and_hears_nothing_at_the_old_one(
    server: socket.socket, client: socket.socket
) -> None:
    with bad_network(server.getsockname()[1]) as network:
        client.sendto(b"before", ("127.0.0.1", network.port))
        _, old = server.recvfrom(100)
        network.rebind()
        client.sendto(b"after", ("127.0.0.1", network.port))
        packet, new = server.recvfrom(100)
        assert packet == b"after"
        assert new != old
        server.sendto(b"lost", old)
        server.sendto(b"arrives", new)
        assert client.recv(100) == b"arrives"


def test_the_same_seed_loses_the_same_packets() -> None:
    link = Link(loss=0.05, delay=0.01, reorder=0.1, duplicate=0.1)

    def fate(seed: int) -> list[list[float]]:
        dice = random.Random(seed)
        return [link.arrivals(dice) for _ in range(1000)]

    assert fate(7) == fate(7) != fate(8)
    assert 20 < sum(not arrivals for arrivals in fate(7)) < 80


def test_a_binding_request_names_both_username_fragments() -> None:
    assert ufrags_of(binding_request(b"evtj:h6vY")) == {"evtj", "h6vY"}
    assert ufrags_of(b"\x80" * 40) == set()
