"""Keeps a directory as new as the store, whoever changed that.

It may have been this server, another node, or the command line.
"""

import asyncio
import logging
from collections import defaultdict
from typing import Any

from sqlalchemy import Select, Table, select
from sqlalchemy.exc import SQLAlchemyError

from tidegate.store import revision, schema, signing_keys
from tidegate.store.database import Store
from tidegate.store.directory import AppRecord, Directory, RelayRecord

log = logging.getLogger(__name__)

_CHUNK = 500
_LAST_LOOK_SECONDS = 1.0


class Watch:
    """Reads what changed since it last looked.

    After a change of ours call :meth:`catch_up`; :meth:`run` sees those of others.
    """

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory
        self._seen = -1
        self._one_at_a_time = asyncio.Lock()

    async def catch_up(self) -> None:
        """Returns when the directory shows everything that was committed before the call."""
        async with self._one_at_a_time, self._store.reading() as db:
            # The count first: what is committed while we read is read again next time, never
            # missed.
            now = await revision.current(db)
            if now == self._seen:
                return
            keys = await signing_keys.verification_keys(db)
            rows = (await db.execute(self._changed(schema.relays))).all()
            apps = (await db.execute(self._changed(schema.apps))).all()
            tokens: defaultdict[str, set[str]] = defaultdict(set)
            living = [row.uid for row in rows if row.deleted is None]
            t = schema.relay_tokens.c
            for start in range(0, len(living), _CHUNK):
                some = living[start : start + _CHUNK]
                for relay, jti in await db.execute(select(t.relay, t.jti).where(t.relay.in_(some))):
                    tokens[relay].add(jti)
        self._directory.set_keys(keys)
        self._directory.update(
            relays=[
                RelayRecord(
                    uid=row.uid,
                    account_id=row.account_id,
                    linger_enabled=row.linger_enabled,
                    linger_max_ms=row.linger_max_ms,
                    upstream_urls=tuple(row.upstream_urls) if row.fallback_enabled else (),
                    tokens=frozenset(tokens[row.uid]),
                )
                for row in rows
                if row.deleted is None
            ],
            deleted=[row.uid for row in rows if row.deleted is not None],
        )
        self._directory.update_apps(
            apps=[
                AppRecord(row.uid, row.account_id, row.secret_hash)
                for row in apps
                if row.deleted is None
            ],
            deleted=[row.uid for row in apps if row.deleted is not None],
        )
        self._seen = now

    def _changed(self, table: Table) -> Select[Any]:
        """Rows that changed since the last look; at the first look, those that live."""
        changed = select(table).where(table.c.revision > self._seen)
        return changed.where(table.c.deleted.is_(None)) if self._seen < 0 else changed

    async def run(self, every: float = 1.0) -> None:
        """Looks again ``every`` so many seconds until cancelled, whatever goes wrong in a look.

        A look under way when it is cancelled is finished first, for a second at most: a query that
        is cut off leaves a connection that does not close.
        """
        while True:
            await asyncio.sleep(every)
            look = asyncio.create_task(self._look())
            try:
                await asyncio.shield(look)
            except asyncio.CancelledError:
                await asyncio.wait([look], timeout=_LAST_LOOK_SECONDS)
                raise

    async def _look(self) -> None:
        try:
            await self.catch_up()
        except (SQLAlchemyError, OSError) as error:
            log.warning("the database cannot be read for changes: %s", type(error).__name__)
        except Exception:
            log.exception("changes could not be taken over")
