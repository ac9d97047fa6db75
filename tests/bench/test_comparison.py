"""tidegate.bench.comparison: entrants take turns, and the medians of the rounds count."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tidegate.bench import comparison, tables
from tidegate.bench.comparison import Comparison, Entrant, compare
from tidegate.bench.modes import Bench, Figures, Settings, Watch
from tidegate.bench.relays import Relay, Target
from tidegate.errors import BenchError


def entrant(name: str, draft: int) -> Entrant:
    def start(_directory: Path) -> Iterator[Target]:
        yield Target("127.0.0.1:1")

    relay = Relay(name, "1.0", (draft,), ("quic",), start)
    return Entrant(relay, Settings(draft), ["speed"])


def unwatched(_title: str, _done: int, _steps: int) -> Watch:
    return lambda _title, _now: None


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One mode that measures how often it ran, and cannot measure the relay called broken."""
    ran: list[str] = []

    def speed(bench: Bench) -> Figures:
        ran.append(bench.relay.name)
        if bench.relay.name == "broken":
            raise BenchError("did not start: no port")
        return {"speed m/s": float(len(ran) ** 2)}

    monkeypatch.setattr(comparison, "MODES", {"speed": speed})
    return ran


def test_entrants_alternate_and_medians_count(order: list[str]) -> None:
    result = compare([entrant("ours", 16), entrant("peer", 18)], 3, unwatched)
    assert order == ["ours", "peer"] * 3
    assert result.median("speed m/s", "ours 1.0, draft 16") == 9
    assert result.median("speed m/s", "peer 1.0, draft 18") == 16


def test_a_relay_that_fails_leaves_a_hole_and_a_reason(order: list[str]) -> None:
    result = compare([entrant("ours", 16), entrant("broken", 16)], 1, unwatched)
    titles = ["ours 1.0, draft 16", "broken 1.0, draft 16"]
    page = tables.page(result, titles, command="tidegate bench relay", rounds=1)
    assert "| speed m/s | 1 | – |" in page
    assert "- speed: did not start: no port" in page


def test_the_record_keeps_every_round() -> None:
    result = Comparison()
    result.add("ours", {"speed m/s": 1.0})
    result.add("ours", {"speed m/s": 3.0})
    record = tables.record(result, command="tidegate bench relay", rounds=2)
    assert record["figures"] == {"speed m/s": {"ours": [1.0, 3.0]}}
