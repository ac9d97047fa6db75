"""One session asks without pause; the others must not notice."""

import time

import pytest
from tidegate.moqt import messages

from tests.scenarios.conftest import Observed
from tests.scenarios.flooding import flooding
from tests.scenarios.peer import Peers

JOINS = 100
P99_SECONDS = 0.2


@pytest.mark.slow
async def test_others_join_while_one_session_floods(watched: Observed, peers: Peers) -> None:
    relay = watched.server.create_relay()
    publisher = await peers.enter(relay.moqt_url())
    await publisher.publish("live/cam")
    before = watched.resident()
    joins = []
    async with flooding(relay.moqt_url(), "live/cam") as flood:
        begun = time.monotonic()
        for _ in range(JOINS):
            started = time.monotonic()
            peer = await peers.enter(relay.moqt_url(relay.subscribe_token))
            peer.subscribe("live/cam")
            await peer.hears(messages.SubscribeOk)
            joins.append(time.monotonic() - started)
            peer.leave()
        took = time.monotonic() - begun
    joins.sort()
    p99 = joins[round(JOINS * 0.99) - 1]
    print(
        f"joins: p50 {joins[JOINS // 2] * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms; "
        f"flood: {flood.asked / took:.0f} subscriptions a second; "
        f"memory: {(watched.resident() - before) / 1e6:+.1f} MB"
    )
    assert flood.asked / took > 500, "this was no flood"
    assert p99 < P99_SECONDS
    assert watched.resident() - before < 32 << 20
