"""A NAT gives a client another port in the middle of a call: media finds it there."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tidegate.bench.sfu.calls import Calls
from tidegate.bench.sfu.frames import AUDIO
from tidegate.bench.sfu.load import Load

from tests.impairment import BadNetwork, bad_network
from tests.server import Server, running_server

SUBSCRIBERS = 8
CONSENT_SECONDS = 4.0
"""Between two checks of a client's (RFC 7675 §5.1): from the next one on, its new port is known."""


@pytest.fixture
def network() -> Iterator[BadNetwork]:
    with bad_network() as running:
        yield running


@pytest.fixture
def behind(network: BadNetwork, tmp_path: Path) -> Iterator[Server]:
    """A server of two shards, whose only candidate is the network's port."""
    settings = {"TIDEGATE_ANNOUNCE": f"127.0.0.1:{network.port}", "TIDEGATE_SHARDS": "2"}
    with running_server(tmp_path, settings) as server:
        port = urlsplit(server.webtransport).port
        assert port
        network.forward_to(port)
        yield server


@pytest.mark.slow
async def test_media_follows_clients_to_their_new_ports(
    behind: Server, network: BadNetwork
) -> None:
    """Some of the new ports reach the other shard."""
    app = behind.create_app()
    async with Load.started(1 + SUBSCRIBERS) as load, Calls.room(app.url, app.secret) as room:
        load.pace(AUDIO, 50)
        await room.publish(load, [0], video=False)
        for _ in range(SUBSCRIBERS):
            await load.flowing(await room.subscribe(load, [0]))
        before = await load.run(1.0)
        assert before.delivered == before.expected
        network.rebind()
        during = await load.run(1.5 * CONSENT_SECONDS, warm_up=0.0, drain=0.0)
        assert 0 < during.delivered < during.expected
        after = await load.run(1.0)
        assert after.delivered == after.expected >= 40 * SUBSCRIBERS
