"""The ready file: exactly these keys, for its owner alone, never half written."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tidegate.errors import StartError
from tidegate.readyfile import Ready

READY = Ready(
    api="http://127.0.0.1:8080/client/v4",
    sfu="http://127.0.0.1:8080/v1",
    moq="moqt://127.0.0.1:4443",
    webtransport="https://127.0.0.1:4443",
    account_id="a" * 32,
    api_token="hunter2",
    certificate_sha256="ab" * 32,
    pid=1,
)


def test_it_has_the_keys_that_scripts_rely_on(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    READY.write(file)
    described = json.loads(file.read_text())
    assert list(described) == [
        "api",
        "sfu",
        "moq",
        "webtransport",
        "account_id",
        "api_token",
        "certificate_sha256",
        "pid",
    ]
    assert (described["pid"], described["api_token"]) == (1, "hunter2")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in repr(READY)


def test_a_later_start_replaces_it_with_a_null_token(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    READY.write(file)
    replace(READY, api_token=None).write(file)
    assert json.loads(file.read_text())["api_token"] is None


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"ready file .*: No such file or directory"):
        READY.write(tmp_path / "none" / "ready.json")
