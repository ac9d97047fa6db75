"""Relays never see one another, whatever their tracks are called."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import RequestCode
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile

from tests.scenarios.peer import PROFILES, Peers, namespace, subgroup, track
from tests.server import Server, Transport

DRAFTS = pytest.mark.parametrize("profile", PROFILES, ids=str)


@DRAFTS
@pytest.mark.parametrize("transport", ["quic", "webtransport"])
async def test_the_same_names_in_two_relays_are_strangers(
    server: Server, peers: Peers, profile: Profile, transport: Transport
) -> None:
    ours, theirs = server.create_relay("ours"), server.create_relay("theirs")
    publishers, viewers, aliases = [], [], []
    for number, relay in enumerate((ours, theirs)):
        publisher = await peers.enter(relay.url(transport), profile)
        await publisher.publish("live/cam")
        viewer = await peers.enter(relay.url(transport, relay.subscribe_token), profile)
        aliases.append(await viewer.watch("live/cam"))
        publisher.open_data(subgroup(1, 10 + number, b"picture"), fin=True)
        publishers.append(publisher)
        viewers.append(viewer)
    # Ours gets group 10 and never 11, so it is still waiting for 11 when theirs has it.
    await viewers[0].receives(aliases[0], 10)
    await viewers[1].receives(aliases[1], 11)
    with pytest.raises(TimeoutError):
        await viewers[0].receives(aliases[0], 11, timeout=0.5)


@DRAFTS
async def test_namespaces_are_announced_in_their_relay_alone(
    server: Server, peers: Peers, profile: Profile
) -> None:
    ours, theirs = server.create_relay("ours"), server.create_relay("theirs")
    watcher = await peers.enter(ours.moqt_url(), profile)
    watcher.subscribe_namespace("live")
    await watcher.hears(messages.RequestOk)
    for relay, name in ((theirs, "live/secret"), (ours, "live/cam")):
        publisher = await peers.enter(relay.moqt_url(), profile)
        publisher.publish_namespace(name)
        await publisher.hears(messages.RequestOk)
    # What comes first would be the stranger's, which was announced before.
    if profile.namespaces_have_messages:
        assert (await watcher.hears(messages.Namespace)).suffix == namespace("cam")
    else:
        heard = await watcher.hears(messages.PublishNamespace)
        assert heard.namespace == namespace("live/cam")


@DRAFTS
async def test_a_requests_token_does_not_reach_into_another_relay(
    server: Server, peers: Peers, profile: Profile
) -> None:
    ours, theirs = server.create_relay("ours"), server.create_relay("theirs")
    publisher = await peers.enter(theirs.moqt_url(), profile)
    await publisher.publish("live/cam")
    peer = await peers.enter(ours.moqt_url(), profile)
    token = Token.use_value(theirs.publish_token.encode())
    peer.say(messages.Subscribe(peer.next_request(), track("live/cam", "video"), tokens=(token,)))
    assert (await peer.hears(messages.RequestError)).code is RequestCode.UNAUTHORIZED
    await peer.publish("live/mine")
