"""``tidegate serve``: every setting has a flag, and a bad one is one line."""

import resource
import sys
import types
from pathlib import Path

import pytest
from tidegate.addresses import HostPort
from tidegate.cli import main
from tidegate.config import Config, settings
from tidegate.errors import StartError


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """What servers were started with, none of which runs."""
    configs: list[Config] = []
    server = types.ModuleType("tidegate.server")
    server.run = configs.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tidegate.server", server)
    return configs


def test_it_needs_no_configuration(started: list[Config], monkeypatch: pytest.MonkeyPatch) -> None:
    main(["serve"])
    assert started == [Config()]


def test_flags_environment_and_file_meet_in_one_tree(
    started: list[Config], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "x.toml"
    file.write_text('log = "debug"\nshards = 1\n')
    monkeypatch.setenv("TIDEGATE_SHARDS", "2")
    flags = ["--config", str(file), "--http", "[::1]:0", "--moq-close-on-revoke", "true"]
    main(["serve", *flags])
    [config] = started
    assert (config.log, config.shards, config.http) == ("debug", 2, HostPort("::1", 0))
    assert config.moq.close_on_revoke


def test_every_setting_has_a_flag_with_its_sentence(
    started: list[Config], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    main(["serve", "--help"])
    shown = capsys.readouterr().out
    for setting in settings():
        assert f"{setting.flag} " in shown
        assert setting.help.replace("`", "") in shown
    assert started == []


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--shards", "many"], "tidegate: --shards: expected int, got str\n"),
        (["--htp", "x"], "tidegate: Unknown option: --htp. Did you mean --http?\n"),
        (["--config", "/none.toml"], "tidegate: /none.toml: No such file or directory\n"),
    ],
)
def test_a_bad_flag_is_one_line_and_status_2(
    started: list[Config],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    line: str,
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", *flags])
    assert ended.value.code == 2
    assert capsys.readouterr().err == line
    assert started == []


def test_what_keeps_a_server_from_starting_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    started: list[Config],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: Config) -> None:
        raise StartError("UDP address [::]:4443\nis in use")

    monkeypatch.setattr(sys.modules["tidegate.server"], "run", fail)
    with pytest.raises(SystemExit) as ended:
        main(["serve"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "tidegate: UDP address [::]:4443 is in use\n"


def test_it_may_open_as_many_files_as_the_system_lets_it(started: list[Config]) -> None:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, most), most))
    try:
        main(["serve"])
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
