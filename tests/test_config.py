"""One tree of settings, filled by file, environment and flags, with a clear line for a bad one."""

from pathlib import Path

import pytest
from tidegate.addresses import Announced, HostPort
from tidegate.config import Config, settings
from tidegate.errors import SettingError

from docs import settings as page_of_settings

ROOT = Path(__file__).parent.parent

CONTRACT = {
    "TIDEGATE_DATA_DIR",
    "TIDEGATE_HTTP",
    "TIDEGATE_UDP",
    "TIDEGATE_ANNOUNCE",
    "TIDEGATE_DATABASE_URL",
    "TIDEGATE_ACCOUNT_ID",
    "TIDEGATE_API_TOKEN",
    "TIDEGATE_SECRET_KEY",
    "TIDEGATE_SHARDS",
    "TIDEGATE_LOG",
    "TIDEGATE_TLS_CERT",
    "TIDEGATE_TLS_KEY",
    "TIDEGATE_READY_FILE",
}


def test_the_example_file_states_the_defaults() -> None:
    assert Config.load(ROOT / "tidegate.example.toml", environ={}) == Config()


def test_the_example_file_names_every_setting() -> None:
    lines = (ROOT / "tidegate.example.toml").read_text().splitlines()
    stated = [line.split(" = ")[0] for line in lines if " = " in line and line[0] not in "#["]
    assert stated == [setting.name for setting in settings()]


def test_the_reference_is_that_of_the_tree() -> None:
    assert page_of_settings.PAGE.read_text() == page_of_settings.page(), "run `make docs`"


def test_the_environment_names_are_a_contract() -> None:
    assert {setting.env for setting in settings()} >= CONTRACT


def test_every_setting_has_a_sentence() -> None:
    assert all(setting.help.endswith(".") for setting in settings())


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "tidegate.toml"
    file.write_text('log = "debug"\nshards = 1\n[cache]\nseconds = 1\n')
    environ = {"TIDEGATE_SHARDS": "2", "TIDEGATE_CACHE_SECONDS": "2.5"}
    config = Config.load(file, environ=environ, flags={"--cache-seconds": "3"})
    assert (config.log, config.shards, config.cache.seconds) == ("debug", 2, 3.0)


def test_words_may_be_written_large() -> None:
    assert Config.load(environ={"TIDEGATE_LOG": "INFO"}).log == "info"


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "tidegate.toml"
    file.write_text("shards = 7\n")
    assert Config.load(environ={"TIDEGATE_CONFIG": str(file)}).shards == 7


def test_addresses_are_read_as_people_write_them() -> None:
    environ = {"TIDEGATE_UDP": "[2001:db8::1]:0", "TIDEGATE_ANNOUNCE": "a.example, [::1]:99,::2"}
    config = Config.load(environ=environ)
    assert config.udp == HostPort("2001:db8::1", 0)
    assert config.announce == (
        Announced("a.example"),
        Announced("::1", 99),
        Announced("::2"),
    )
    assert [str(address) for address in config.announce] == ["a.example", "[::1]:99", "[::2]"]


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("TIDEGATE_HTTP", "8080", "expected host:port"),
        ("TIDEGATE_HTTP", "localhost:99999", "expected a port from 0 to 65535"),
        ("TIDEGATE_UDP", "[::1", "expected [address]:port"),
        ("TIDEGATE_UDP", "[nonsense]:1", "expected an IPv6 address in brackets"),
        ("TIDEGATE_ANNOUNCE", "a b", "expected an address or a host name"),
        ("TIDEGATE_SHARDS", "many", "expected int, got str"),
        ("TIDEGATE_SHARDS", "-1", "expected int >= 0"),
        ("TIDEGATE_LOG", "loud", "expected one of debug, info, warning, error"),
        ("TIDEGATE_ACCOUNT_ID", "a/b", "expected at most 32 letters, digits, - and _"),
        ("TIDEGATE_DATA_DIR", "", "expected a path"),
        ("TIDEGATE_CACHE_SECONDS", "inf", "expected float <= 31536000.0"),
        ("TIDEGATE_CACHE_SECONDS", "nan", "expected float > 0.0"),
        ("TIDEGATE_MOQ_CLOSE_ON_REVOKE", "maybe", "expected bool, got str"),
        ("TIDEGATE_LIMITS_SESSIONS", "0", "expected int >= 1"),
    ],
)
def test_a_bad_value_is_one_clear_line(variable: str, text: str, problem: str) -> None:
    with pytest.raises(SettingError) as caught:
        Config.load(environ={variable: text})
    assert str(caught.value) == f"{variable}: {problem}"


def test_a_flag_is_called_as_it_was_spelled() -> None:
    with pytest.raises(SettingError, match=r"^--http: "):
        Config.load(environ={}, flags={"--http": "x"})


@pytest.mark.parametrize("variable", ["TIDEGATE_API_TOKEN", "TIDEGATE_SECRET_KEY"])
def test_a_bad_secret_is_not_repeated(variable: str) -> None:
    with pytest.raises(SettingError) as caught:
        Config.load(environ={variable: "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_the_tree_does_not_print_secrets() -> None:
    environ = {
        "TIDEGATE_API_TOKEN": "hunter2-hunter2-hunter2",
        "TIDEGATE_SECRET_KEY": "hunter2-hunter2-hunter2",
        "TIDEGATE_DATABASE_URL": "postgresql://u:hunter2@h/d",
    }
    assert "hunter2" not in repr(Config.load(environ=environ))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense = 1", "nonsense: no such setting"),
        ("[cache]\nsecond = 1", "cache.second: no such setting"),
        ("[http]\nport = 1", "http.port: no such setting"),
        ("shards = '2'\n[limits]\nstreams = 'x'", "limits.streams: expected int, got str"),
        ("shards = true", "shards: expected int, got bool"),
        ("http = 8080", "http: expected str, got int"),
        ("announce = [1]", "announce: expected str, got int"),
        ("cache = 5", "cache: no such setting"),
        ("= 1", "not a TOML file: Invalid statement (at line 1, column 1)"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(text)
    with pytest.raises(SettingError) as caught:
        Config.load(file, environ={})
    assert str(caught.value) == f"{file}: {problem}"


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"none\.toml: No such file or directory$"):
        Config.load(tmp_path / "none.toml", environ={})


@pytest.mark.parametrize("given", ["TIDEGATE_TLS_CERT", "TIDEGATE_TLS_KEY"])
def test_a_certificate_without_its_key_is_refused(given: str) -> None:
    with pytest.raises(SettingError, match="given together"):
        Config.load(environ={given: "/x.pem"})
