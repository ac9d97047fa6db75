"""A subscriber that comes first waits as long as its relay says."""

import asyncio
import time

import httpx
import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import RequestCode
from tidegate.moqt.version import Profile

from tests.scenarios.peer import PROFILES, Peers, subgroup
from tests.server import Relay

DRAFTS = pytest.mark.parametrize("profile", PROFILES, ids=str)


def linger(relay: Relay, *, enabled: bool = True, milliseconds: int = 30_000) -> None:
    """Changes how long the relay lets a SUBSCRIBE wait."""
    server = relay.server
    lingering = {"enabled": enabled, "max_timeout_ms": milliseconds}
    httpx.put(
        f"{server.api}/accounts/{server.account_id}/moq/relays/{relay.uid}",
        headers={"Authorization": f"Bearer {server.api_token}"},
        json={"config": {"lingering_subscribe": lingering}},
    ).raise_for_status()


@DRAFTS
async def test_who_subscribes_first_gets_what_is_published_three_seconds_later(
    relay: Relay, peers: Peers, profile: Profile
) -> None:
    viewer = await peers.enter(relay.moqt_url(relay.subscribe_token), profile)
    viewer.subscribe("live/cam")
    await asyncio.sleep(3)
    assert not viewer.heard
    publisher = await peers.enter(relay.webtransport_url(), profile)
    await publisher.publish("live/cam")
    alias = (await viewer.hears(messages.SubscribeOk)).track_alias
    publisher.open_data(subgroup(1, 0, b"picture"), fin=True)
    await viewer.receives(alias, 0)


@DRAFTS
async def test_the_wait_ends_when_the_relay_says(
    relay: Relay, peers: Peers, profile: Profile
) -> None:
    linger(relay, milliseconds=1000)
    viewer = await peers.enter(relay.moqt_url(), profile)
    begun = time.monotonic()
    viewer.subscribe("live/cam")
    refused = await viewer.hears(messages.RequestError)
    assert refused.code is RequestCode.TIMEOUT
    assert 0.9 < time.monotonic() - begun < 3
    await viewer.publish("live/mine")


@DRAFTS
async def test_without_lingering_nobody_waits(relay: Relay, peers: Peers, profile: Profile) -> None:
    linger(relay, enabled=False)
    viewer = await peers.enter(relay.moqt_url(), profile)
    begun = time.monotonic()
    viewer.subscribe("live/cam")
    refused = await viewer.hears(messages.RequestError)
    assert refused.code is RequestCode.DOES_NOT_EXIST
    assert time.monotonic() - begun < 1
