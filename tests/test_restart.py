"""What was provisioned outlives its server, however that one ends."""

import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tidegate.config import MoqConfig
from tidegate.store.database import Store
from tidegate.store.directory import Directory
from tidegate.store.watch import Watch
from tidegate.tokens import Verifier

from tests.server import Server, launched, running_server

CHOSEN = {"TIDEGATE_API_TOKEN": "an-api-token-for-tests"}


def provision(server: Server) -> list[str]:
    """Makes an app and relays; the tokens of these."""
    with server.cloudflare() as client:
        client.calls.sfu.create(account_id=server.account_id, name="app")
    relays = [server.create_relay(f"relay {number}") for number in range(3)]
    return [token for relay in relays for token in (relay.publish_token, relay.subscribe_token)]


def provisioned(server: Server) -> tuple[set[str], set[str]]:
    """The ids of relays and of apps."""
    with server.cloudflare() as client:
        relays = client.moq.relays.list(account_id=server.account_id)
        apps = client.calls.sfu.list(account_id=server.account_id)
        return {str(relay.uid) for relay in relays}, {str(app.uid) for app in apps}


async def relays_opened(data_dir: Path, tokens: list[str]) -> set[str]:
    """The relays that a server of this data directory lets these tokens into."""
    store = await Store.open("", data_dir)
    directory = Directory()
    await Watch(store, directory).catch_up()
    await store.close()
    moq = MoqConfig()
    verifier = Verifier(directory, issuer=moq.issuer, audience=moq.audience)
    return {verifier.verify(token, datetime.now(UTC).timestamp()).relay for token in tokens}


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
async def test_everything_is_there_after_the_end(tmp_path: Path, ending: signal.Signals) -> None:
    with launched(tmp_path, CHOSEN) as started:
        server = started.server()
        tokens = provision(server)
        before = provisioned(server)
        started.process.send_signal(ending)
        started.process.wait(10)
    with running_server(tmp_path, CHOSEN) as server:
        relays, _ = after = provisioned(server)
        assert after == before
        assert await relays_opened(tmp_path / "data", tokens) == relays
