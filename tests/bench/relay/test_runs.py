"""tidegate.bench.relay.runs: a plan goes to a process of its own, a report comes back."""

import json
from pathlib import Path
from typing import Any

import pytest
from tidegate.bench.relay.runs import Plan, Progress, run
from tidegate.errors import BenchError

DELAYS = {"count": 4, "p50": 1.0, "p90": 2.0, "p99": 3.0, "max": 4.0}
PHASE = {"seconds": 0.5, "done": 2, "failed": 0, "relay_cpu": 0.01}
REPORT: dict[str, Any] = {
    "connect": PHASE,
    "join": PHASE,
    "first_object": DELAYS,
    "seconds": 5.0,
    "published": 2,
    "dropped": 0,
    "expected": 4,
    "delivered": 3,
    "goodput": 800.0,
    "delay": DELAYS,
    "relay": None,
    "generator_cpu": 0.1,
    "lost_sessions": 0,
    "errors": {},
}


def generator(monkeypatch: pytest.MonkeyPatch, directory: Path, script: str) -> None:
    """Puts a shell script in the generator's place."""
    program = directory / "generator"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("TIDEGATE_LOAD", str(program))


def test_progress_is_told_and_the_report_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = json.dumps({"phase": "run", "done": 1.0, "of": 5.0})
    script = f"cat > {tmp_path}/plan; echo '{told}'; echo '{json.dumps(REPORT)}'"
    generator(monkeypatch, tmp_path, script)
    seen: list[Progress] = []
    report = run(Plan(relay="127.0.0.1:1", namespace=["n"], subscribers=2), seen.append)
    assert [now.phase for now in seen] == ["run"]
    assert report.loss == pytest.approx(0.25)
    assert json.loads((tmp_path / "plan").read_text())["relay"]["subscribers"] == 2


def test_a_generator_that_gives_up_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    generator(monkeypatch, tmp_path, "cat > /dev/null; echo 'no socket left' >&2; exit 1")
    with pytest.raises(BenchError, match="no socket left"):
        run(Plan(relay="127.0.0.1:1", namespace=["n"]))
