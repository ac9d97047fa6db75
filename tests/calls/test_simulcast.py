"""Layer preferences become a list of wishes ("Simulcast")."""

from typing import Literal

import pytest
from tidegate.calls.bodies import SimulcastPreference
from tidegate.calls.simulcast import layers

Order = Literal["none", "asciibetical"]


def prefer(rid: str | None, not_available: Order | None = None) -> SimulcastPreference:
    return SimulcastPreference(preferred_rid=rid, rid_not_available=not_available)


@pytest.mark.parametrize("preference", [None, prefer(None), prefer(""), prefer("", "none")])
def test_without_a_preferred_rid_the_best_that_arrives_will_do(
    preference: SimulcastPreference | None,
) -> None:
    """A client sends an empty ``preferredRid`` to leave the choice to us."""
    assert layers(preference, ["q", "f", "h"]) == ["f", "h", "q"]


def test_none_sends_nothing_rather_than_another_layer() -> None:
    """``ridNotAvailable: none`` is the default of an object that is given."""
    assert layers(prefer("h"), ["f", "h", "q"]) == ["h"]
    assert layers(prefer("h", "none"), ["f", "h", "q"]) == ["h"]
    assert layers(prefer("x"), ["f", "h", "q"]) == ["x"]


@pytest.mark.parametrize(
    ("rid", "wishes"),
    [("f", "fhq"), ("h", "hqf"), ("q", "qhf"), ("g", "ghqf"), ("z", "zqhf")],
)
def test_asciibetical_takes_the_next_in_order(rid: str, wishes: str) -> None:
    """``ridNotAvailable: asciibetical``: the next in sorted order, then the nearest before."""
    assert layers(prefer(rid, "asciibetical"), ["q", "h", "f"]) == [*wishes]


def test_priority_ordering_makes_no_difference() -> None:
    preference = SimulcastPreference("h", "asciibetical", "none")
    assert layers(preference, ["f", "h", "q"]) == ["h"]


@pytest.mark.parametrize("rids", [[], [""]])
def test_a_track_without_layers_is_sent_whatever_is_preferred(rids: list[str]) -> None:
    assert layers(prefer("h"), rids) == []
