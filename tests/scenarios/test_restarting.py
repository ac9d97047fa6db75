"""What was provisioned outlives the process, however that ends."""

from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.scenarios.peer import Peers, subgroup
from tests.server import Relay, Server, launched


def uids(server: Server, api_token: str) -> set[str]:
    with server.cloudflare().with_options(api_token=api_token) as client:
        return {relay.uid for relay in client.moq.relays.list(account_id=server.account_id)}


@pytest.mark.postgres
async def test_after_a_kill_every_token_opens_its_relay_in_postgresql_too(
    postgres: Postgres, tmp_path: Path, peers: Peers
) -> None:
    with postgres.database() as url:
        await kill_and_return(tmp_path, peers, {"TIDEGATE_DATABASE_URL": url})


async def kill_and_return(tmp_path: Path, peers: Peers, settings: dict[str, str]) -> None:
    with launched(tmp_path, settings) as first:
        before = first.server()
        relays = [before.create_relay(f"relay {number}") for number in range(5)]
        publisher = await peers.enter(relays[0].moqt_url())
        await publisher.publish("live/cam")
        first.process.kill()
        first.process.wait()

    with launched(tmp_path, settings) as second:
        after = second.server()
        assert after.api_token is None
        assert after.account_id == before.account_id
        assert before.api_token is not None
        assert uids(after, before.api_token) == {relay.uid for relay in relays}
        for known in relays:
            relay = Relay(after, known.uid, known.publish_token, known.subscribe_token)
            publisher = await peers.enter(relay.moqt_url())
            await publisher.publish("live/cam")
            viewer = await peers.enter(relay.webtransport_url(relay.subscribe_token))
            alias = await viewer.watch("live/cam")
            publisher.open_data(subgroup(1, 0, b"picture"), fin=True)
            await viewer.receives(alias, 0)
        assert second.stop() == 0
