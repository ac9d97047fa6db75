"""Relays side by side: the same modes in turn, several rounds, and the medians of each figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from tidegate.bench.modes import MODES, Bench, Settings, Watch
from tidegate.bench.relays import Relay
from tidegate.errors import BenchError


@dataclass(frozen=True, slots=True)
class Entrant:
    """A relay, how it is driven, and the modes that it is put through."""

    relay: Relay
    settings: Settings
    modes: Sequence[str]

    @property
    def title(self) -> str:
        """The column's head: a relay is named with the draft that it was driven at."""
        name = f"{self.relay.name} {self.relay.version}".rstrip()
        return f"{name}, draft {self.settings.draft}"


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

    def add(self, title: str, figures: dict[str, float]) -> None:
        """Takes one round's figures."""
        for figure, value in figures.items():
            self.values.setdefault(figure, {}).setdefault(title, []).append(value)


def compare(
    entrants: Sequence[Entrant],
    rounds: int,
    watch: Callable[[str, int, int], Watch],
) -> Comparison:
    """Runs every mode of every entrant, in alternation so that a slow minute hits all alike.

    Args:
        watch: told what begins, as a title, and how many of how many steps are done.
    """
    comparison = Comparison()
    steps = [
        (mode, entrant)
        for _ in range(rounds)
        for mode in MODES
        for entrant in entrants
        if mode in entrant.modes
    ]
    for done, (mode, entrant) in enumerate(steps):
        look = watch(f"{entrant.relay.name} · {mode}", done, len(steps))
        try:
            figures = MODES[mode](Bench(entrant.relay, entrant.settings, look))
        except BenchError as error:
            comparison.failures.setdefault(entrant.title, []).append(f"{mode}: {error}")
        else:
            comparison.add(entrant.title, figures)
    return comparison
