"""moq-rs as publisher and subscriber, with itself and with aiomoqt on the other side."""

import secrets

import pytest

from tests.interop.clients import foreign, running
from tests.server import Relay, Transport

pytestmark = pytest.mark.foreign

TRANSPORTS: list[Transport] = ["quic", "webtransport"]


def payloads(lines: list[str]) -> list[str]:
    """The lines without their properties: moq-rs adds a timestamp that it does not show."""
    return [line.rsplit(" ", 1)[0] for line in lines]


def moq_rs(role: str, relay: Relay, transport: Transport, broadcast: str) -> list[str]:
    token = relay.publish_token if role == "publish" else relay.subscribe_token
    return [*foreign("moq_rs.py"), role, relay.url(transport, token), broadcast, "track"]


def aiomoqt(role: str, relay: Relay, draft: int, namespace: str) -> list[str]:
    token = relay.publish_token if role == "publish" else relay.subscribe_token
    url = relay.moqt_url(token)
    return [*foreign("aiomoqt_track.py"), role, url, namespace, "track", "--draft", str(draft)]


@pytest.mark.parametrize("subscriber", TRANSPORTS, ids=lambda transport: f"to-{transport}")
@pytest.mark.parametrize("publisher", TRANSPORTS, ids=lambda transport: f"from-{transport}")
async def test_frames_arrive_unchanged(
    relay: Relay, publisher: Transport, subscriber: Transport
) -> None:
    broadcast = f"interop/{secrets.token_hex(4)}"
    async with running(*moq_rs("publish", relay, publisher, broadcast)) as source:
        await source.says("announced")
        async with running(*moq_rs("subscribe", relay, subscriber, broadcast)) as sink:
            received = await sink.finishes()
        sent = await source.finishes()
    assert len(sent) == 50
    assert received == sent


@pytest.mark.parametrize("draft", [14, 16])
async def test_aiomoqt_reads_what_moq_rs_publishes(relay: Relay, draft: int) -> None:
    namespace = f"interop/{secrets.token_hex(4)}"
    async with running(*moq_rs("publish", relay, "quic", namespace)) as source:
        await source.says("announced")
        async with running(*aiomoqt("subscribe", relay, draft, namespace)) as sink:
            received = await sink.finishes()
        sent = await source.finishes()
    assert len(sent) == 50
    assert payloads(received) == payloads(sent)


@pytest.mark.parametrize("draft", [14, 16])
async def test_moq_rs_reads_what_aiomoqt_publishes(relay: Relay, draft: int) -> None:
    namespace = f"interop/{secrets.token_hex(4)}"
    async with running(*aiomoqt("publish", relay, draft, namespace)) as source:
        await source.says("ready")
        async with running(*moq_rs("subscribe", relay, "quic", namespace)) as sink:
            received = await sink.finishes()
        sent = await source.finishes()
    assert len(sent) == 50
    assert payloads(received) == payloads(sent)
