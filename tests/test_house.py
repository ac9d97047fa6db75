"""The commands and the lock files, as a newcomer's machine meets them."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMMANDS = ["setup", "serve", "test", "lint", "fmt", "bench", "fuzz", "docs", "clean"]


def test_help_lists_every_command_with_a_line() -> None:
    result = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    listed = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert list(listed) == ["help", *COMMANDS]
    assert all(len(line) > 10 for line in listed.values())


@pytest.mark.parametrize(
    "lock", ["constraints.txt", *ROOT.glob("tests/interop/*-requirements.txt")]
)
def test_python_locks_pin_every_package_and_name_no_index(lock: str | Path) -> None:
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_the_node_lock_names_no_registry() -> None:
    lock = json.loads((ROOT / "tests/interop/node/package-lock.json").read_text())
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
