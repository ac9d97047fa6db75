"""One UDP port, reached over IPv4 and IPv6."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.interop.clients import foreign, running
from tests.server import running_server

pytestmark = pytest.mark.foreign


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("scheme", ["moqt", "https"])
async def test_a_dual_stack_port_serves_both_families(tmp_path: Path, scheme: str) -> None:
    with running_server(tmp_path, {"TIDEGATE_UDP": "[::]:0"}) as server:
        relay = server.create_relay()
        port = urlsplit(server.moq).port
        ipv4, ipv6 = (
            f"{scheme}://{host}:{port}/{relay.publish_token}" for host in ("127.0.0.1", "[::1]")
        )
        async with running(*foreign("moq_rs.py"), "publish", ipv4, "interop/ip", "track") as source:
            await source.says("announced")
            async with running(
                *foreign("moq_rs.py"), "subscribe", ipv6, "interop/ip", "track"
            ) as sink:
                received = await sink.finishes()
            assert received == await source.finishes()
