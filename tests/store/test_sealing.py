"""What is sealed opens only under its own name and key."""

from pathlib import Path

import pytest
from tidegate.errors import DataDirectoryError, SealError
from tidegate.store.sealing import Sealer

KEY, OTHER_KEY = bytes(32), bytes([1] * 32)


def test_what_was_sealed_opens_again() -> None:
    sealed = Sealer(KEY).seal("name", b"secret")
    assert b"secret" not in sealed
    assert Sealer(KEY).open("name", sealed) == b"secret"


def test_another_name_key_or_byte_does_not_open_it() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal("name", b"secret")
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for other, name, value in [
        (sealer, "another", sealed),
        (Sealer(OTHER_KEY), "name", sealed),
        (sealer, "name", changed),
        (sealer, "name", b""),
    ]:
        with pytest.raises(SealError):
            other.open(name, value)


def test_without_a_setting_a_private_file_holds_the_key(tmp_path: Path) -> None:
    sealed = Sealer.of("", tmp_path).seal("name", b"secret")
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert Sealer.of("", tmp_path).open("name", sealed) == b"secret"


def test_the_operators_passphrase_is_the_same_key_wherever_it_is_given(tmp_path: Path) -> None:
    sealed = Sealer.of("correct horse", tmp_path / "one node").seal("name", b"secret")
    assert Sealer.of("correct horse", tmp_path / "another").open("name", sealed) == b"secret"
    with pytest.raises(SealError):
        Sealer.of("incorrect horse", tmp_path).open("name", sealed)


def test_a_broken_key_file_is_one_line(tmp_path: Path) -> None:
    Sealer.of("", tmp_path)
    [file] = tmp_path.iterdir()
    file.write_text("not hex")
    with pytest.raises(DataDirectoryError, match="not a key of 64 hex digits"):
        Sealer.of("", tmp_path)


def test_a_key_file_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryError, match="No such file or directory"):
        Sealer.of("", tmp_path / "none")
