"""What was provisioned: it outlives its server, however that one ends, and holds on every node."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.scenarios.peer import PeerClosed, Peers
from tests.server import Relay, Server, launched, running_server

CHOSEN = {"TIDEGATE_API_TOKEN": "an-api-token-for-tests"}


def provision(server: Server) -> list[Relay]:
    """Makes an app and three relays."""
    with server.cloudflare() as client:
        client.calls.sfu.create(account_id=server.account_id, name="app")
    return [server.create_relay(f"relay {number}") for number in range(3)]


def provisioned(server: Server) -> tuple[set[str], set[str]]:
    """The ids of relays and of apps."""
    with server.cloudflare() as client:
        relays = client.moq.relays.list(account_id=server.account_id)
        apps = client.calls.sfu.list(account_id=server.account_id)
        return {str(relay.uid) for relay in relays}, {str(app.uid) for app in apps}


async def opens(peers: Peers, server: Server, token: str) -> bool:
    """Whether a token lets a session of this server publish."""
    peer = await peers.enter(f"{server.moq}/{token}")
    try:
        await peer.publish("live/cam")
    except PeerClosed:
        return False
    return True


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
async def test_everything_is_there_after_the_end(
    tmp_path: Path, peers: Peers, ending: signal.Signals
) -> None:
    with launched(tmp_path, CHOSEN) as started:
        server = started.server()
        relays = provision(server)
        before = provisioned(server)
        started.process.send_signal(ending)
        started.process.wait(10)
    with running_server(tmp_path, CHOSEN) as server:
        assert provisioned(server) == before
        for relay in relays:
            assert await opens(peers, server, relay.publish_token)


@pytest.mark.postgres
async def test_nodes_of_one_database_honour_each_others_tokens_and_revocations(
    tmp_path: Path, peers: Peers, postgres: Postgres
) -> None:
    """Effective on every node in at most 5 s, and on the one that was asked at once."""
    settings = {**CHOSEN, "TIDEGATE_SECRET_KEY": "correct horse battery staple"}
    with (
        postgres.database() as settings["TIDEGATE_DATABASE_URL"],
        running_server(tmp_path / "near", settings) as near,
        running_server(tmp_path / "far", settings) as far,
    ):
        assert near.account_id == far.account_id
        relay = near.create_relay()
        assert await opens(peers, near, relay.publish_token)
        await eventually(peers, far, relay.publish_token, opens_it=True)
        with near.cloudflare() as client:
            account = near.account_id
            listed = client.moq.relays.tokens.list(relay.uid, account_id=account)
            assert listed is not None
            full = listed.issuers[0].cloudflare_tokens[0]
            client.moq.relays.tokens.delete(full.jti, account_id=account, relay_id=relay.uid)
        assert not await opens(peers, near, relay.publish_token)
        await eventually(peers, far, relay.publish_token, opens_it=False)


async def eventually(peers: Peers, server: Server, token: str, *, opens_it: bool) -> None:
    async with asyncio.timeout(5):
        while await opens(peers, server, token) is not opens_it:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
