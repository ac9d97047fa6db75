"""What the bench commands share: rounds that are watched, and ways to show what came of them."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tidegate.bench import comparison as sides
from tidegate.bench import tables
from tidegate.bench.comparison import Entrant, Watch, compare


def measure(
    entrants: Sequence[Entrant],
    modes: Sequence[str],
    rounds: int,
    *,
    head: str,
    json_file: Path | None,
    write: Path | None,
) -> None:
    """Measures, prints the table, and writes the page and the record where they are asked for.

    Ends the process with 1 where nothing could be measured.

    Args:
        modes: their order.
        head: what the page begins with.
    """
    console = Console()
    with _watching(console) as watch:
        comparison = compare(entrants, modes, rounds, watch)
    titles = [entrant.title for entrant in entrants]
    if comparison.values:
        console.print(tables.table(comparison, titles))
    for title, failures in comparison.failures.items():
        for failure in sorted(set(failures)):
            console.print(f"[red]{title}[/]: {failure}", highlight=False)
    command = " ".join(["tidegate", *sys.argv[1:]])
    if json_file is not None:
        record = tables.record(comparison, command=command, rounds=rounds)
        json_file.write_text(json.dumps(record, indent=2) + "\n")
    if write is not None:
        page = tables.page(comparison, titles, head=head, command=command, rounds=rounds)
        write.write_text(page)
    if not comparison.values:
        sys.exit(1)


def spare_cores() -> int:
    """A core less than there are: the generator needs one."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


@contextmanager
def _watching(console: Console) -> Iterator[Any]:
    """A bar for everything and one for the run; a line a step where that is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        whole = shown.add_task("all", note="")
        current = shown.add_task("", note="")

        def watch(title: str, done: int, steps: int) -> Watch:
            if not console.is_terminal:
                sys.stderr.write(f"{done}/{steps} {title}\n")
            shown.update(whole, description=title, completed=done, total=steps)
            shown.update(whole, note=f"{done}/{steps}")

            def look(run: str, now: sides.Progress) -> None:
                note = now.phase.replace("_", " ")
                shown.update(current, description=run, completed=now.done, total=now.of, note=note)

            return look

        yield watch
