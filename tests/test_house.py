"""The commands and the lock files, as a newcomer's machine meets them."""

import json
import re
import shutil
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


def test_what_a_bare_machine_lacks_is_named_in_one_line(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "cut", "dirname", "head", "ls", "sed", "sort"):
        (tools / name).symlink_to(str(shutil.which(name)))
    result = subprocess.run(
        [ROOT / ".ci/machine", "serve"],
        env={"PATH": str(tools), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 2
    assert re.fullmatch(
        r"missing: Python 3\.11 .*venv; Rust 1\.\d+ or newer .*; a C compiler .*\n", result.stderr
    )


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
