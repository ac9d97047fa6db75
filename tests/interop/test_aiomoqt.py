"""aiomoqt to aiomoqt, across drafts and transports: every object arrives as it was sent."""

import secrets

import pytest

from tests.interop.clients import foreign, running
from tests.server import Relay, Transport

pytestmark = pytest.mark.foreign

DRAFTS: list[int] = [14, 16]
TRANSPORTS: list[Transport] = ["quic", "webtransport"]
ENDS = [(draft, transport) for draft in DRAFTS for transport in TRANSPORTS]


def command(role: str, relay: Relay, end: tuple[int, Transport], namespace: str) -> list[str]:
    draft, transport = end
    token = relay.publish_token if role == "publish" else relay.subscribe_token
    url = relay.url(transport, token)
    return [*foreign("aiomoqt_track.py"), role, url, namespace, "track", "--draft", str(draft)]


async def relayed(
    relay: Relay, publisher: tuple[int, Transport], subscriber: tuple[int, Transport], *options: str
) -> tuple[list[str], list[str]]:
    """What was sent and what arrived: a line an object, with its place, hash and properties."""
    namespace = f"interop/{secrets.token_hex(4)}"
    async with running(*command("publish", relay, publisher, namespace), *options) as source:
        await source.says("ready")
        async with running(*command("subscribe", relay, subscriber, namespace)) as sink:
            received = await sink.finishes()
        return await source.finishes(), received


def by_group(lines: list[str]) -> list[str]:
    """Groups travel on streams of their own and may overtake each other, objects in a group not."""
    return sorted(lines, key=lambda line: int(line.split()[0]))


@pytest.mark.parametrize("subscriber", ENDS, ids=lambda end: f"to-{end[0]}-{end[1]}")
@pytest.mark.parametrize("publisher", ENDS, ids=lambda end: f"from-{end[0]}-{end[1]}")
async def test_payloads_and_properties_arrive_unchanged(
    relay: Relay, publisher: tuple[int, Transport], subscriber: tuple[int, Transport]
) -> None:
    sent, received = await relayed(relay, publisher, subscriber)
    assert len(sent) == 50
    assert by_group(received) == sent


@pytest.mark.parametrize(
    ("publisher", "subscriber"),
    [((14, "quic"), (16, "webtransport")), ((16, "webtransport"), (14, "quic"))],
    ids=["14-to-16", "16-to-14"],
)
async def test_a_subscriber_that_came_first_gets_all_of_a_track_that_is_published_unasked(
    relay: Relay, publisher: tuple[int, Transport], subscriber: tuple[int, Transport]
) -> None:
    namespace = f"interop/{secrets.token_hex(4)}"
    wait = [*command("subscribe", relay, subscriber, namespace), "--until", "50"]
    async with running(*wait) as sink:
        await sink.says("send: Subscribe(")
        push = [*command("publish", relay, publisher, namespace), "--push"]
        async with running(*push) as source:
            received = await sink.finishes()
            sent = await source.finishes()
    assert len(sent) == 50
    assert by_group(received) == sent


@pytest.mark.parametrize(
    ("publisher", "subscriber"),
    [((14, "quic"), (16, "quic")), ((16, "quic"), (14, "quic"))],
    ids=["14-to-16", "16-to-14"],
)
@pytest.mark.parametrize(
    "options",
    [("--mapping", "PER_OBJECT"), ("--mapping", "DATAGRAM", "--size", "900"), ("--size", "300000")],
    ids=["a-stream-an-object", "datagrams", "large-objects"],
)
async def test_each_way_to_carry_objects_arrives_unchanged(
    relay: Relay,
    publisher: tuple[int, Transport],
    subscriber: tuple[int, Transport],
    options: tuple[str, ...],
) -> None:
    """Objects on streams of their own may overtake each other, so their order is not compared."""
    sent, received = await relayed(relay, publisher, subscriber, *options)
    assert len(sent) == 50
    assert sorted(received) == sorted(sent)
