"""The comparison as a table for a terminal, for a page and for programs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from tidegate.bench.comparison import Comparison
from tidegate.bench.machine import facts


def table(comparison: Comparison, titles: Sequence[str]) -> Table:
    """For a terminal: a row for each figure, a column for each relay."""
    shown = Table("figure")
    for title in titles:
        shown.add_column(title, justify="right")
    for figure in comparison.values:
        shown.add_row(figure, *(_cell(comparison, figure, title) for title in titles))
    return shown


def page(
    comparison: Comparison, titles: Sequence[str], *, head: str, command: str, rounds: int
) -> str:
    """For benches/: Markdown with the machine, the command and the figures.

    Args:
        head: title and explanation, Markdown too; how it came about follows it.
    """
    lines = [
        head.rstrip(),
        "",
        f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}: medians of {rounds} rounds, in",
        "alternation, over loopback.",
        "",
        *(f"- {name}: {value}" for name, value in facts().items()),
        "",
        f"| figure | {' | '.join(titles)} |",
        f"| --- |{' ---: |' * len(titles)}",
    ]
    for figure in comparison.values:
        cells = " | ".join(_cell(comparison, figure, title) for title in titles)
        lines.append(f"| {figure} | {cells} |")
    for title, failures in comparison.failures.items():
        lines += ["", f"{title} did not finish:", ""]
        lines += [f"- {failure}" for failure in sorted(set(failures))]
    return "\n".join(lines) + "\n"


def record(comparison: Comparison, *, command: str, rounds: int) -> dict[str, Any]:
    """For programs: every round's value, by figure and relay."""
    return {
        "command": command,
        "rounds": rounds,
        "machine": facts(),
        "figures": comparison.values,
        "failures": comparison.failures,
    }


def _cell(comparison: Comparison, figure: str, title: str) -> str:
    value = comparison.median(figure, title)
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
