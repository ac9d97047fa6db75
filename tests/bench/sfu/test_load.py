"""tidegate.bench.sfu.load: sessions are told one by one, and each one's luck comes back."""

import json
from pathlib import Path
from typing import Any

import pytest
from tidegate.bench.sfu.load import Credentials, Load, Progress, Session
from tidegate.errors import BenchError

SESSION = Session(
    address="127.0.0.1:9", local=Credentials("a", "b"), remote=Credentials("c", "d"), subscribe=[0]
)
DELAYS = {"count": 4, "p50": 1.0, "p90": 2.0, "p99": 3.0, "max": 4.0}
REPORT: dict[str, Any] = {
    "seconds": 1.0,
    "published": 8,
    "dropped": 0,
    "expected": 16,
    "delivered": 12,
    "arrived": 12,
    "goodput": 800.0,
    "delay": DELAYS,
    "server": None,
    "generator_cpu": 0.1,
    "odd": {"refused": 1},
}


def generator(monkeypatch: pytest.MonkeyPatch, directory: Path, *answers: object) -> Path:
    """Puts a shell script in the generator's place: it notes each line and gives the next answer.

    Returns:
        Where the lines are.
    """
    program, heard = directory / "generator", directory / "heard"
    script = ["#!/bin/sh", f'read -r line; echo "$line" > {heard}']
    for answer in answers:
        script += [f'read -r line; echo "$line" >> {heard}', f"echo '{json.dumps(answer)}'"]
    program.write_text("\n".join([*script, "cat > /dev/null; echo 'no socket left' >&2", ""]))
    program.chmod(0o755)
    monkeypatch.setenv("TIDEGATE_LOAD", str(program))
    return heard


async def test_a_session_connects_and_flows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    heard = generator(
        monkeypatch,
        tmp_path,
        {"connected": {"id": 0, "seconds": 0.1}},
        {"flowing": {"id": 0, "seconds": 0.2}},
    )
    async with Load.started(1) as load:
        session = await load.connect(SESSION)
        load.pace([[300]], 10)
        assert await load.flowing(session) == 0.2
    plan, connect, pace = map(json.loads, heard.read_text().splitlines())
    assert plan["sfu"]["sessions"] == 1
    assert connect["connect"]["remote"] == {"ufrag": "c", "pwd": "d"}
    assert pace == {"pace": {"frames": [[300]], "frames_per_second": 10}}


async def test_a_session_that_fails_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    generator(monkeypatch, tmp_path, {"failed": {"id": 0, "why": "another certificate"}})
    async with Load.started(1) as load:
        with pytest.raises(BenchError, match="another certificate"):
            await load.connect(SESSION)


async def test_a_run_tells_how_far_it_is_and_reports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    generator(monkeypatch, tmp_path, {"report": REPORT})
    seen: list[Progress] = []
    async with Load.started(1) as load:
        report = await load.run(1.0, on_progress=seen.append)
    assert report.loss == pytest.approx(0.25)
    assert report.odd == {"refused": 1}


async def test_more_sessions_than_sockets_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    generator(monkeypatch, tmp_path)
    async with Load.started(0) as load:
        with pytest.raises(BenchError, match="more than 0 sessions"):
            await load.connect(SESSION)
