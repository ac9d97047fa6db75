"""The engine as a client: what is said before the connection stands is said when it does."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.version import Profile

from tests.scenarios.peer import PROFILES, Peers
from tests.server import Relay, Transport


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize("transport", ["quic", "webtransport"])
async def test_what_is_sent_before_the_session_stands_waits_for_it(
    relay: Relay, peers: Peers, profile: Profile, transport: Transport
) -> None:
    peer = peers.dial(relay.url(transport), profile)
    peer.setup()
    assert not peer.connected
    await peer.hears(messages.ServerSetup)
