"""The data directory belongs to one server at a time, and what is secret in it to its owner."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tidegate import datadir
from tidegate.errors import DataDirectoryError


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    made = datadir.prepare(tmp_path / "deep" / "data")
    assert made.stat().st_mode & 0o777 == 0o700
    assert datadir.prepare(made) == made


def test_a_file_in_its_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(DataDirectoryError, match="data: not a directory"):
        datadir.prepare(tmp_path / "data")


def test_a_second_server_is_kept_out_until_the_first_ends(tmp_path: Path) -> None:
    second = datadir.locked(tmp_path)
    with (
        datadir.locked(tmp_path),
        pytest.raises(DataDirectoryError, match="another server is using it"),
    ):
        second.__enter__()
    with datadir.locked(tmp_path):
        pass


def test_a_killed_server_leaves_no_lock_behind(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from tidegate import datadir\n"
        "with datadir.locked(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", program, tmp_path], check=False)
    assert ended.returncode == -9
    with datadir.locked(tmp_path):
        pass


def test_private_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o644)
    old = os.umask(0)
    try:
        datadir.write_private(file, "new")
    finally:
        os.umask(old)
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
