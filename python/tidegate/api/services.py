"""What the handlers work with."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from litestar.di import NamedDependency
from sqlalchemy.exc import SQLAlchemyError

from tidegate.api.realtime.operations import Media
from tidegate.config import Config
from tidegate.store.clock import micros
from tidegate.store.database import Store
from tidegate.store.directory import Directory
from tidegate.store.sealing import Sealer
from tidegate.store.watch import Watch

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """Given to the app when it is built.

    Attributes:
        connected: whether a relay (by its uid) has a live session.
        media: the Realtime SFU's rules.
        certificate_sha256: the hash of the certificate that QUIC shows now, lower-case hex; None
        before there is one.
        ready: whether the media side takes sessions.
        now: microseconds since the Unix epoch.
    """

    config: Config
    store: Store
    directory: Directory
    watch: Watch
    sealer: Sealer
    connected: Callable[[str], bool]
    media: Media
    certificate_sha256: Callable[[], str | None]
    ready: Callable[[], bool] = lambda: True
    now: Callable[[], int] = field(default=micros)

    async def publish(self) -> None:
        """Shows the media side what was just committed.

        The caller's change is stored, so a failure here must not fail the request: the watch's next
        round mends it.
        """
        try:
            await self.watch.catch_up()
        except (SQLAlchemyError, OSError) as error:
            log.warning("a change is stored but not shown yet: %s", type(error).__name__)


GivenServices = NamedDependency[Services]
"""How a handler asks for them."""
