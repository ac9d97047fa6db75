"""aiomoqt's conformance client, every case, against a whole server."""

import re

import pytest

from tests.interop.clients import TOOLS, running
from tests.server import Relay, Transport

SKIPPED = {
    # Draft-18's parameter and draft-16's message: the client skips them by itself.
    14: {"rendezvous-timeout", "subscribe-namespace-lifecycle"},
    16: {"rendezvous-timeout"},
}

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.parametrize("draft", [14, 16]),
    pytest.mark.parametrize("transport", ["quic", "webtransport"]),
]


async def report(relay: Relay, draft: int, transport: Transport, *options: str) -> dict[str, str]:
    """What the client says of each case: ``ok``, ``not ok`` or ``skip``."""
    command = [
        str(TOOLS / "moq-interop-client"),
        "--tls-disable-verify",
        *options,
    ]
    at = ["-r", relay.url(transport), "--draft", str(draft)]
    async with running(*command, *at) as client:
        lines = await client.finishes(timeout=60)
    results = {}
    for line in lines:
        if match := re.match(r"(ok|not ok) \d+ - (\S+)( # SKIP)?", line):
            results[match[2]] = "skip" if match[3] else match[1]
    return results


async def test_every_listed_case_passes(
    strict_relay: Relay, draft: int, transport: Transport
) -> None:
    results = await report(strict_relay, draft, transport)
    assert len(results) == 12
    assert {case for case, result in results.items() if result == "skip"} == SKIPPED[draft]
    assert {case for case, result in results.items() if result == "not ok"} == set()


@pytest.mark.parametrize("case", ["fetch", "join"])
async def test_objects_of_the_past_are_served(
    strict_relay: Relay, draft: int, transport: Transport, case: str
) -> None:
    assert await report(strict_relay, draft, transport, "-t", case) == {case: "ok"}
