"""moq-rs as publisher and subscriber, with itself and with aiomoqt on the other side."""

import os
import secrets
import shutil

import pytest

from tests.interop.clients import BUILD, foreign, running
from tests.server import Relay, Transport

pytestmark = pytest.mark.foreign

DRAFTS: list[int] = [14, 16]
TRANSPORTS: list[Transport] = ["quic", "webtransport"]
ENDS = [(draft, transport) for draft in DRAFTS for transport in TRANSPORTS]


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, str]]:
    """How moq-rs is made to speak each draft.

    It offers all that it knows, newest first, and has no setting for that: to speak draft 14 it
    gets a copy of its library that does not know draft 16's name.
    """
    (packages,) = (BUILD / "venv" / "lib").glob("python3*/site-packages")
    copy = tmp_path_factory.mktemp("moq-rs-14")
    for package in ("moq", "moq_ffi"):
        shutil.copytree(packages / package, copy / package)
    (library,) = copy.rglob("libmoq_ffi.so")
    known = library.read_bytes()
    assert known.count(b"moqt-16") == 1
    library.write_bytes(known.replace(b"moqt-16", b"moqt-xx"))
    return {14: {**os.environ, "PYTHONPATH": str(copy)}, 16: {**os.environ}}


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


@pytest.mark.parametrize("subscriber", ENDS, ids=lambda end: f"to-{end[0]}-{end[1]}")
@pytest.mark.parametrize("publisher", ENDS, ids=lambda end: f"from-{end[0]}-{end[1]}")
async def test_frames_arrive_unchanged(
    relay: Relay,
    environments: dict[int, dict[str, str]],
    publisher: tuple[int, Transport],
    subscriber: tuple[int, Transport],
) -> None:
    broadcast = f"interop/{secrets.token_hex(4)}"
    publish = moq_rs("publish", relay, publisher[1], broadcast)
    subscribe = moq_rs("subscribe", relay, subscriber[1], broadcast)
    async with running(*publish, environment=environments[publisher[0]]) as source:
        await source.says("announced")
        async with running(*subscribe, environment=environments[subscriber[0]]) as sink:
            received = await sink.finishes()
        sent = await source.finishes()
    assert len(sent) == 50
    assert received == sent


@pytest.mark.parametrize("draft", DRAFTS)
async def test_aiomoqt_reads_what_moq_rs_publishes(relay: Relay, draft: int) -> None:
    namespace = f"interop/{secrets.token_hex(4)}"
    async with running(*moq_rs("publish", relay, "quic", namespace)) as source:
        await source.says("announced")
        async with running(*aiomoqt("subscribe", relay, draft, namespace)) as sink:
            received = await sink.finishes()
        sent = await source.finishes()
    assert len(sent) == 50
    assert payloads(received) == payloads(sent)


@pytest.mark.parametrize("draft", DRAFTS)
async def test_moq_rs_reads_what_aiomoqt_publishes(relay: Relay, draft: int) -> None:
    namespace = f"interop/{secrets.token_hex(4)}"
    async with running(*aiomoqt("publish", relay, draft, namespace)) as source:
        await source.says("ready")
        async with running(*moq_rs("subscribe", relay, "quic", namespace)) as sink:
            received = await sink.finishes()
        sent = await source.finishes()
    assert len(sent) == 50
    assert payloads(received) == payloads(sent)
