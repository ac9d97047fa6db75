"""tidegate.bench.comparison: entrants take turns, and the medians of the rounds count."""

import pytest
from tidegate.bench import tables
from tidegate.bench.comparison import Comparison, Entrant, Figures, Watch, compare
from tidegate.errors import BenchError


def unwatched(_title: str, _done: int, _steps: int) -> Watch:
    return lambda _title, _now: None


@pytest.fixture
def order() -> list[str]:
    """Who was measured, one after the other."""
    return []


def entrant(name: str, order: list[str]) -> Entrant:
    """Its speed is how often anything was measured, squared; the one called broken has none."""

    def speed(_watch: Watch) -> Figures:
        order.append(name)
        if name == "broken":
            raise BenchError("did not start: no port")
        return {"speed m/s": float(len(order) ** 2)}

    return Entrant(name, f"{name} 1.0", {"speed": speed})


def test_entrants_alternate_and_medians_count(order: list[str]) -> None:
    result = compare([entrant("ours", order), entrant("peer", order)], ["speed"], 3, unwatched)
    assert order == ["ours", "peer"] * 3
    assert result.median("speed m/s", "ours 1.0") == 9
    assert result.median("speed m/s", "peer 1.0") == 16


def test_a_relay_that_fails_leaves_a_hole_and_a_reason(order: list[str]) -> None:
    result = compare([entrant("ours", order), entrant("broken", order)], ["speed"], 1, unwatched)
    titles = ["ours 1.0", "broken 1.0"]
    page = tables.page(result, titles, head="# Head", command="tidegate bench", rounds=1)
    assert "| speed m/s | 1 | – |" in page
    assert "- speed: did not start: no port" in page


def test_the_record_keeps_every_round() -> None:
    result = Comparison()
    result.add("ours", {"speed m/s": 1.0})
    result.add("ours", {"speed m/s": 3.0})
    record = tables.record(result, command="tidegate bench relay", rounds=2)
    assert record["figures"] == {"speed m/s": {"ours": [1.0, 3.0]}}
