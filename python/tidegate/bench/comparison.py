"""Servers side by side: the same modes in turn, several rounds, and the medians of each figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from tidegate.errors import BenchError

Figures = dict[str, float]
"""Values by name; a name ends with its unit."""


class Progress(Protocol):
    """How far a run is."""

    @property
    def phase(self) -> str:
        """What is going on."""

    @property
    def done(self) -> float:
        """How much of it, in its own unit."""

    @property
    def of(self) -> float:
        """Of how much."""


Watch = Callable[[str, Progress], None]
"""Told how far the run of this title is."""

Measure = Callable[[Watch], Figures]


@dataclass(frozen=True, slots=True)
class Entrant:
    """A server, as it is driven.

    Attributes:
        name: what it is called while it is measured. ``title``: the column's head.
        modes: what it is put through.
    """

    name: str
    title: str
    modes: Mapping[str, Measure]


@dataclass(slots=True)
class Comparison:
    """What came of it.

    Attributes:
        values: by figure and entrant's title, a value for each round that gave one.
        failures: by entrant's title, what went wrong, with the mode it went wrong in.
    """

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def median(self, figure: str, title: str) -> float | None:
        """The median over the rounds; ``None`` where no round gave the figure."""
        values = self.values.get(figure, {}).get(title)
        return median(values) if values else None

    def add(self, title: str, figures: Figures) -> None:
        """Takes one round's figures."""
        for figure, value in figures.items():
            self.values.setdefault(figure, {}).setdefault(title, []).append(value)


def compare(
    entrants: Sequence[Entrant],
    modes: Sequence[str],
    rounds: int,
    watch: Callable[[str, int, int], Watch],
) -> Comparison:
    """Runs every mode of every entrant, in alternation so that a slow minute hits all alike.

    Args:
        modes: the order of the modes.
        watch: told what begins, as a title, and how many of how many steps are done.
    """
    comparison = Comparison()
    steps = [
        (mode, entrant)
        for _ in range(rounds)
        for mode in modes
        for entrant in entrants
        if mode in entrant.modes
    ]
    for done, (mode, entrant) in enumerate(steps):
        look = watch(f"{entrant.name} · {mode}", done, len(steps))
        try:
            figures = entrant.modes[mode](look)
        except BenchError as error:
            comparison.failures.setdefault(entrant.title, []).append(f"{mode}: {error}")
        else:
            comparison.add(entrant.title, figures)
    return comparison
