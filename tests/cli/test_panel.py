"""What a start shows: to a person the token, to a log only where it is."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from tidegate.addresses import Announced, HostPort
from tidegate.cli.panel import show_started, show_token
from tidegate.store.bootstrap import Bootstrap
from tidegate.urls import Urls

HTTP, UDP = HostPort("127.0.0.1", 8080), HostPort("::", 4443)
URLS = Urls.local(HTTP, UDP, announce=(), https=False)
OTHERS = Urls.announced(HTTP, UDP, announce=(Announced("a.example", 443),), https=False)
TOKEN = "a-token-of-forty-characters-0123456789ab"
FIRST = Bootstrap("a" * 32, TOKEN, made_now=True)


def show(first: Bootstrap, data_dir: Path, *, terminal: bool, width: int = 100) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width, color_system=None)
    show_started(
        console, first, URLS, announced=OTHERS, certificate_sha256="ab" * 32, data_dir=data_dir
    )
    return out.getvalue()


def test_a_person_reads_urls_account_and_token_in_a_panel(tmp_path: Path) -> None:
    shown = show(FIRST, tmp_path, terminal=True, width=80)
    for value in (URLS.api, URLS.moq, URLS.webtransport, OTHERS[0].webtransport, "a" * 32, TOKEN):
        assert value in shown, "nothing that is copied is cut"
    assert list(tmp_path.iterdir()) == []


def test_a_log_gets_only_the_path_of_the_token(tmp_path: Path) -> None:
    shown = show(FIRST, tmp_path, terminal=False, width=20)
    file = tmp_path / "api-token"
    assert TOKEN not in shown
    assert f"API token in: {file}\n" in shown
    assert file.read_text() == f"{TOKEN}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"REST API: {URLS.api}\n" in shown


@pytest.mark.parametrize("later", [Bootstrap("a" * 32, None, False), Bootstrap("a", TOKEN, False)])
@pytest.mark.parametrize("terminal", [True, False])
def test_a_later_start_or_a_chosen_token_shows_none(
    tmp_path: Path, later: Bootstrap, terminal: bool
) -> None:
    shown = show(later, tmp_path, terminal=terminal)
    assert TOKEN not in shown
    assert "API token" not in shown
    assert list(tmp_path.iterdir()) == []


def test_a_new_token_stands_alone_for_a_script_and_in_a_panel_for_a_person() -> None:
    for terminal in (True, False):
        out = io.StringIO()
        show_token(Console(file=out, force_terminal=terminal, width=100), TOKEN, "deploy")
        assert (out.getvalue() == f"{TOKEN}\n") is not terminal
        assert TOKEN in out.getvalue()
