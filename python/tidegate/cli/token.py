"""``tidegate token``: API tokens, and the key that signs relay tokens. Works beside a running
server.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from cyclopts import App, Parameter, validators
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.cli.panel import show_token
from tidegate.config import Config
from tidegate.errors import DataDirectoryError, StartError
from tidegate.store import accounts, api_tokens, signing_keys
from tidegate.store.api_tokens import ApiToken, Permission
from tidegate.store.clock import SECOND, micros, to_datetime
from tidegate.store.database import Store
from tidegate.store.sealing import Sealer

T = TypeVar("T")

app = App(name="token", help="Manage API tokens, and the key that signs relay tokens.")

_DAY = 24 * 3600 * SECOND
Word = Literal["admin", "calls-read", "calls-write", "moq-read", "moq-write"]
_PERMISSIONS: dict[Word, Permission] = {
    "admin": Permission.ADMIN,
    "calls-read": Permission.CALLS_READ,
    "calls-write": Permission.CALLS_WRITE,
    "moq-read": Permission.MOQ_READ,
    "moq-write": Permission.MOQ_WRITE,
}


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Which database to work on; what is not given comes from the environment, like a server's.

    Attributes:
        config: a TOML file of settings.
        data_dir: the server's data directory.
        database_url: the server's database, if it is not in the data directory.
    """

    config: Path | None = None
    data_dir: str | None = None
    database_url: str | None = None

    def load(self) -> Config:
        given = {"--data-dir": self.data_dir, "--database-url": self.database_url}
        flags = {flag: text for flag, text in given.items() if text is not None}
        loaded = Config.load(self.config, flags=flags)
        if not loaded.database_url and not loaded.data_dir.is_dir():
            raise DataDirectoryError(f"data directory {loaded.data_dir}: no server has used it yet")
        return loaded


HERE = Where()


@app.command
def create(
    name: str,
    *,
    account: str | None = None,
    permission: Annotated[list[Word] | None, Parameter(negative="")] = None,
    days: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    where: Where = HERE,
) -> None:
    """Make an API token and show it, this once.

    Parameters
    ----------
    name:
        What the list calls it.
    account:
        The account it is for; may be left out where there is only one.
    permission:
        What it may do there: everything (admin), unless given; may be repeated.
    days:
        How long it is good for; for ever, unless given.
    """

    async def work(db: AsyncConnection, _config: Config) -> str:
        now = micros()
        _, secret = await api_tokens.create(
            db,
            name,
            account_id=await _account(db, account),
            permissions=[_PERMISSIONS[word] for word in permission or ["admin"]],
            now=now,
            expires=None if days is None else now + days * _DAY,
        )
        return secret

    show_token(Console(), _in_store(where, work), name)


@app.command(name="list")
def list_(*, where: Where = HERE) -> None:
    """List API tokens: a table, or tab-separated lines where stdout is no terminal."""

    async def work(db: AsyncConnection, _: Config) -> list[ApiToken]:
        return await api_tokens.list_all(db)

    rows = [row for token in _in_store(where, work) for row in _rows(token)]
    columns = ("id", "name", "account", "permissions", "created", "expires")
    console = Console()
    if not console.is_terminal:
        sys.stdout.writelines("\t".join(row) + "\n" for row in rows)
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


@app.command
def revoke(id: str, *, where: Where = HERE) -> None:
    """Make an API token useless, at once and for good.

    Parameters
    ----------
    id:
        As the list shows it.
    """

    async def work(db: AsyncConnection, _: Config) -> bool:
        return await api_tokens.revoke(db, id)

    if not _in_store(where, work):
        raise StartError(f"there is no API token with the id {id}")


@app.command
def rotate_key(*, retire_others: bool = False, where: Where = HERE) -> None:
    """Sign new relay tokens with a new key; those of earlier keys go on working.

    Parameters
    ----------
    retire_others:
        End every relay token that was signed so far. Each relay needs new ones then.
    """

    async def work(db: AsyncConnection, config: Config) -> str:
        sealer = Sealer.of(config.secret_key, config.data_dir)
        key = await signing_keys.rotate(db, sealer, now=micros(), retire_others=retire_others)
        return key.kid

    Console().print(f"new relay tokens are signed with {_in_store(where, work)}", highlight=False)


def _in_store(where: Where, work: Callable[[AsyncConnection, Config], Awaitable[T]]) -> T:
    """Does ``work`` in one transaction on the server's database."""
    config = where.load()

    async def connected() -> T:
        store = await Store.open(config.database_url, config.data_dir)
        try:
            async with store.writing() as db:
                return await work(db, config)
        finally:
            await store.close()

    return asyncio.run(connected())


async def _account(db: AsyncConnection, wanted: str | None) -> str:
    known = [account.id for account in await accounts.list_all(db)]
    if wanted is not None:
        if wanted not in known:
            raise StartError(f"there is no account {wanted}")
        return wanted
    if len(known) != 1:
        raise StartError(f"there are {len(known)} accounts: name one with --account")
    return known[0]


def _rows(token: ApiToken) -> list[tuple[str, ...]]:
    """A row for each account that the token is for."""
    created = f"{to_datetime(token.created):%Y-%m-%d %H:%M}"
    expires = "never" if token.expires is None else f"{to_datetime(token.expires):%Y-%m-%d %H:%M}"
    return [
        (token.id, token.name, account, ", ".join(sorted(held)), created, expires)
        for account, held in token.grants.items()
    ]
