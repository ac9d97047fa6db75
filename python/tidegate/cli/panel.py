"""What a person sees when a server has started, and where a script finds the token."""

from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from tidegate.datadir import write_private
from tidegate.errors import DataDirectoryError
from tidegate.store.bootstrap import Bootstrap
from tidegate.urls import Urls

TOKEN_FILE = "api-token"


def show_started(
    console: Console,
    bootstrap: Bootstrap,
    urls: Urls,
    *,
    announced: list[Urls],
    certificate_sha256: str,
    data_dir: Path,
) -> None:
    """Prints the URLs to use, and the API token if this start made it.

    On a terminal the token stands in the panel; elsewhere it goes to a file of the data directory
    that only its owner can read, and its path is printed.

    Raises:
        DataDirectoryError: that file cannot be written.
    """
    rows = {
        "REST API": urls.api,
        "MoQ, raw QUIC": urls.moq,
        "MoQ, WebTransport": urls.webtransport,
    }
    for number, others in enumerate(announced):
        rows["announced" if not number else f"announced ({number + 1})"] = (
            f"{others.moq}, {others.webtransport}"
        )
    rows["account id"] = bootstrap.account_id
    # A line of a terminal is often too short for the hash itself.
    rows["certificate hash"] = (
        f"{urls.home}/certificate.sha256" if console.is_terminal else certificate_sha256
    )
    token = bootstrap.api_token if bootstrap.made_now else None
    if token is not None and console.is_terminal:
        rows["API token, shown once"] = token
    elif token is not None:
        rows["API token in"] = str(_written(data_dir / TOKEN_FILE, token))
    if console.is_terminal:
        console.print(_panel(rows))
    else:
        for name, value in rows.items():
            console.print(f"{name}: {value}", soft_wrap=True, highlight=False, markup=False)


def show_token(console: Console, token: str, name: str) -> None:
    """Prints a new token: in a panel for a person, alone on its line for a script."""
    if console.is_terminal:
        console.print(_panel({"name": name, "API token, shown once": token}))
    else:
        console.print(token, soft_wrap=True, highlight=False, markup=False)


def _panel(rows: dict[str, str]) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    # Values are copied: they may be cut by nobody, so long ones wrap without a mark.
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    return Panel(table, title="Tidegate", title_align="left", expand=False)


def _written(file: Path, token: str) -> Path:
    try:
        write_private(file, token + "\n")
    except OSError as error:
        raise DataDirectoryError(f"{file}: {error.strerror}") from None
    return file
