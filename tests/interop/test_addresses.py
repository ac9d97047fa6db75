"""One UDP port, reached over IPv4 and IPv6."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.interop.clients import TOOLS, running
from tests.server import running_server

pytestmark = pytest.mark.foreign


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("scheme", ["moqt", "https"])
async def test_a_dual_stack_port_serves_both_families(tmp_path: Path, scheme: str) -> None:
    with running_server(tmp_path, {"TIDEGATE_UDP": "[::]:0"}) as server:
        relay = server.create_relay(lingering=False)
        port = urlsplit(server.moq).port
        for host in ("127.0.0.1", "[::1]"):
            url = f"{scheme}://{host}:{port}/{relay.publish_token}"
            command = [str(TOOLS / "moq-interop-client"), "-r", url, "--draft", "16"]
            case = ["--tls-disable-verify", "-t", "data-subgroup-basic"]
            async with running(*command, *case) as client:
                await client.finishes()
