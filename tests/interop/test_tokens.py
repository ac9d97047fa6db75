"""Relay tokens, wherever a foreign client can put them."""

import pytest

from tests.interop.clients import TOOLS, ClientFailed, foreign, running
from tests.server import Relay, Server, Transport

pytestmark = pytest.mark.foreign

DRAFTS = pytest.mark.parametrize("draft", [14, 16])
NO_TRACK = {14: 0x4, 16: 0x10}  # TRACK_DOES_NOT_EXIST, later DOES_NOT_EXIST
TRANSPORTS = pytest.mark.parametrize("transport", ["quic", "webtransport"])


async def announces(url: str, draft: int, request_token: str | None = None) -> None:
    """Publishes a namespace at ``url``; a refusal raises ``ClientFailed``."""
    command = [str(TOOLS / "moq-interop-client"), "-r", url, "--draft", str(draft)]
    token = ["--auth-token", request_token] if request_token else []
    async with running(*command, "--tls-disable-verify", "-t", "announce-only", *token) as client:
        await client.finishes()


@DRAFTS
@TRANSPORTS
async def test_a_subscriber_may_not_publish(relay: Relay, draft: int, transport: Transport) -> None:
    await announces(relay.url(transport, relay.publish_token), draft)
    with pytest.raises(ClientFailed, match="not ok 1 - announce-only"):
        await announces(relay.url(transport, relay.subscribe_token), draft)


@DRAFTS
@TRANSPORTS
async def test_what_is_no_token_opens_nothing(
    relay: Relay, draft: int, transport: Transport
) -> None:
    head, _, signature = relay.publish_token.rpartition(".")
    forged = f"{head}.{signature[::-1]}"
    for token in ("nonsense", forged):
        with pytest.raises(ClientFailed, match="not ok 1 - announce-only"):
            await announces(relay.url(transport, token), draft)


@DRAFTS
async def test_a_token_may_stand_in_the_query(relay: Relay, draft: int) -> None:
    base = relay.moqt_url().removesuffix(relay.publish_token)
    await announces(f"{base}?jwt={relay.publish_token}", draft)


@DRAFTS
@TRANSPORTS
async def test_the_token_of_a_request_adds_operations_within_its_relay(
    server: Server, relay: Relay, draft: int, transport: Transport
) -> None:
    viewer = relay.url(transport, relay.subscribe_token)
    await announces(viewer, draft, request_token=relay.publish_token)
    other = server.create_relay("other")
    with pytest.raises(ClientFailed, match="not ok 1 - announce-only"):
        await announces(viewer, draft, request_token=other.publish_token)


@DRAFTS
async def test_the_same_name_in_two_relays_is_two_tracks(server: Server, draft: int) -> None:
    ours, theirs = server.create_relay("ours"), server.create_relay("theirs", lingering=False)
    track = ["interop/same", "track", "--draft", str(draft)]
    script = foreign("aiomoqt_track.py")
    async with running(*script, "publish", ours.moqt_url(), *track) as source:
        await source.says("ready")
        async with running(*script, "subscribe", theirs.moqt_url(), *track) as stranger:
            with pytest.raises(ClientFailed, match=f"request error: code={NO_TRACK[draft]} "):
                await stranger.finishes()
        async with running(*script, "subscribe", ours.moqt_url(), *track) as sink:
            assert len(await sink.finishes()) == 50
