"""Stopping in order: who is connected hears of it, and nothing takes for ever."""

import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tidegate.moqt.codes import SessionCode
from tidegate.moqt.version import Draft

from tests.scenarios.peer import PROFILES, Peers
from tests.scenarios.vanishing import publishing
from tests.server import launched


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_idle_server_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with launched(tmp_path) as started:
        started.server()
        begun = time.monotonic()
        started.process.send_signal(number)
        assert started.process.wait(10) == 0
        assert time.monotonic() - begun < 5
        assert not started.ready.exists()


async def test_sessions_and_requests_under_way_do_not_hold_it_up(
    tmp_path: Path, peers: Peers
) -> None:
    """Peers hear a code, not silence; an HTTP client that never finishes is left behind."""
    with launched(tmp_path) as started:
        server = started.server()
        relay = server.create_relay()
        everyone = [
            await peers.enter(relay.url(transport), profile)
            for profile in PROFILES
            for transport in ("quic", "webtransport")
        ]
        await everyone[0].publish("live/cam")
        everyone[1].subscribe("live/cam")
        unfinished = await peers.connect(relay.moqt_url())
        api = urlsplit(server.api)
        with socket.create_connection((api.hostname, api.port)) as slow:
            path = f"/client/v4/accounts/{server.account_id}/moq/relays"
            slow.sendall(
                f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"
                f"Authorization: Bearer {server.api_token}\r\n\r\n{{".encode()
            )
            begun = time.monotonic()
            started.process.send_signal(signal.SIGTERM)
            for peer in [*everyone, unfinished]:
                code, reason = await peer.closes()
                assert (code, reason) == (SessionCode.NO_ERROR, "the server is stopping")
            assert started.process.wait(10) == 0
            assert time.monotonic() - begun < 10


async def test_a_peer_that_has_vanished_does_not_hold_it_up(tmp_path: Path) -> None:
    """Nobody acknowledges the goodbye; the server gives it up."""
    with launched(tmp_path) as started:
        relay = started.server().create_relay()
        async with publishing(relay.moqt_url(), Draft.D16, "live/cam") as publisher:
            publisher.kill()
            await publisher.wait()
        begun = time.monotonic()
        assert started.stop() == 0
        assert time.monotonic() - begun < 10
