"""Opens the database, brings it to this version's schema, and hands out transactions."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import event, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tidegate.errors import DatabaseError
from tidegate.store import migrations

# At DEBUG it tells every statement with its parameters.
logging.getLogger("aiosqlite").setLevel(logging.INFO)

_BUSY_SECONDS = 10.0
_CONNECT_SECONDS = 5
_SILENCE_MS = 15_000


_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "sqlite": "sqlite+aiosqlite",
}

T = TypeVar("T")


class Store:
    """An open, migrated database: all questions and changes happen inside its transactions."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        # SQLite has one writer: queueing here is fairer and cheaper than its busy loop.
        self._writer = asyncio.Lock()

    @classmethod
    async def open(cls, database_url: str, data_dir: Path) -> Self:
        """Opens ``database_url``, or the SQLite file of ``data_dir`` when that is empty.

        Raises:
            DatabaseError: it cannot be reached, read or migrated; the message holds no password.
        """
        url = _async_url(database_url, data_dir)
        store = cls(_create_engine(url))
        where = url.render_as_string(hide_password=True)
        try:
            async with store.writing() as db:
                if not store._is_sqlite:
                    # Several nodes may start at once.
                    await db.execute(text("SELECT pg_advisory_xact_lock(8389187293)"))
                await db.run_sync(migrations.upgrade)
        except (DBAPIError, OSError) as error:
            await store.close()
            raise DatabaseError(f"database {where}: {_reason(error)}") from None
        except DatabaseError as error:
            await store.close()
            raise DatabaseError(f"database {where}: {error}") from None
        except BaseException:
            await store.close()
            raise
        return store

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that changes nothing."""
        async with self._engine.connect() as db:
            yield db

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction, committed when the block ends well; otherwise it leaves no trace."""
        async with AsyncExitStack() as stack:
            if self._is_sqlite:
                await stack.enter_async_context(self._writer)
            db = await stack.enter_async_context(self._engine.connect())
            await db.execution_options(tidegate_writes=True)
            async with db.begin():
                yield db

    async def create(
        self,
        make: Callable[[AsyncConnection], Awaitable[T]],
        exists: Callable[[AsyncConnection, T], Awaitable[bool]],
    ) -> T:
        """What ``make`` returned, once it is committed.

        A connection that breaks during the commit leaves open whether it happened; then ``exists``
        tells, so that a caller is not told of a failure when the thing is stored.
        """
        made: T | None = None
        try:
            async with self.writing() as db:
                made = await make(db)
            return made
        except (DBAPIError, OSError):
            if made is None:
                raise
            async with self.reading() as db:
                if not await exists(db, made):
                    raise
            return made

    async def close(self) -> None:
        await self._engine.dispose()


def _async_url(database_url: str, data_dir: Path) -> URL:
    if not database_url:
        return URL.create("sqlite+aiosqlite", database=str(data_dir / "tidegate.sqlite3"))
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise DatabaseError("database: the URL cannot be read") from None
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise DatabaseError(
            f"database: {url.drivername}:// is not supported; use postgresql:// or sqlite://"
        )
    return url.set(drivername=driver)


def _create_engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        options = {"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": _SILENCE_MS}
        return create_async_engine(
            url,
            connect_args=options,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=10,
        )
    engine = create_async_engine(url, connect_args={"timeout": _BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        # We begin transactions ourselves: the driver would begin them too late for a consistent
        # read.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("tidegate_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    if url.database and url.database != ":memory:":
        _keep_private(Path(url.database))
    return engine


def _keep_private(file: Path) -> None:
    """The database holds hashes and sealed keys: nobody else's to read, whatever the umask."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise DatabaseError(f"database {file}: {error.strerror}") from None


def _reason(error: DBAPIError | OSError) -> str:
    """The driver's own words, on one line; SQL and parameters stay out of it."""
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = (
            error.orig.__cause__ if isinstance(error.orig.__cause__, sqlite3.Error) else error.orig
        )
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__
