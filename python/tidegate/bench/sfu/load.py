"""The native generator's process: told its sessions one by one, it tells how far each one is."""

import asyncio
import contextlib
import secrets
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from tidegate.bench.generator import command
from tidegate.certificates import load_or_make
from tidegate.errors import BenchError

Profile = Literal["aead_aes_256_gcm", "aead_aes_128_gcm", "aes_cm_128_hmac_sha1_80"]
"""An SRTP protection profile."""

_CONNECT_SECONDS = 20.0
_LINE_BYTES = 1 << 20


class Credentials(msgspec.Struct, frozen=True):
    """ICE credentials of one side."""

    ufrag: str
    pwd: str

    @classmethod
    def random(cls) -> "Credentials":
        """New ones, that nobody has."""
        return cls(secrets.token_hex(4), secrets.token_hex(16))


class Track(msgspec.Struct, frozen=True):
    """A track that a session publishes; ``mid`` is the id and the value of its header extension."""

    number: int
    ssrc: int
    payload_type: int
    video: bool
    mid: tuple[int, str] | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session as signalling agreed on it; crates/load says more about each field.

    Attributes:
        address: where the server takes its media, with the port.
        subscribe: numbers of the tracks that it is to get, in packets of ``payload_types``.
        transport_cc: id of the header extension with transport-wide sequence numbers.
    """

    address: str
    local: Credentials
    remote: Credentials
    fingerprint: bytes | None = None
    dtls_server: bool = False
    publish: Sequence[Track] = ()
    subscribe: Sequence[int] = ()
    payload_types: Sequence[int] = ()
    transport_cc: int | None = None


class Progress(msgspec.Struct):
    """How far a run is, in seconds."""

    phase: str
    done: float
    of: float


class Reached(msgspec.Struct):
    """A session got somewhere, so many seconds after it was told to connect."""

    id: int
    seconds: float


class Failure(msgspec.Struct):
    """A session does not get any further."""

    id: int
    why: str


class Reading(msgspec.Struct):
    """The server's CPU seconds so far, and its resident bytes."""

    cpu: float
    resident: int


class Delays(msgspec.Struct):
    """Quantiles in milliseconds; all zero when nothing was measured."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float


class ServerUse(msgspec.Struct):
    """What the server used in the counted time: CPU seconds, and resident bytes."""

    cpu: float
    cpu_per_copy: float
    threads: dict[str, float]
    running: int
    peak: int


class Report(msgspec.Struct):
    """What a run showed; crates/load says what each figure means."""

    seconds: float
    published: int
    dropped: int
    expected: int
    delivered: int
    arrived: int
    goodput: float
    delay: Delays
    server: ServerUse | None
    generator_cpu: float
    odd: dict[str, int]

    @property
    def loss(self) -> float:
        """Share of the copies that did not arrive; 1 when none was expected."""
        return 1 - self.delivered / self.expected if self.expected else 1.0


class _Told(msgspec.Struct):
    """One line; one of these is there."""

    progress: Progress | None = None
    connected: Reached | None = None
    flowing: Reached | None = None
    failed: Failure | None = None
    reading: Reading | None = None
    report: Report | None = None


T = TypeVar("T")

_told = msgspec.json.Decoder(_Told)


@dataclass(frozen=True, slots=True)
class Identity:
    """The certificate that all sessions show."""

    certificate: bytes
    private_key: bytes
    fingerprint: str

    @classmethod
    def new(cls) -> "Identity":
        """A new one."""
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as directory:
            made = load_or_make(Path(directory), ["localhost"], now=datetime.now(UTC))
        digest = bytes.fromhex(made.sha256)
        return cls(made.chain[0], made.key, ":".join(f"{byte:02X}" for byte in digest))


class Load:
    """A generator that runs."""

    def __init__(self, process: Process, identity: Identity, sessions: int) -> None:
        self.identity = identity
        self._process = process
        self._sessions = sessions
        self._next = 0
        self._connected: list[asyncio.Future[float]] = []
        self._flowing: list[asyncio.Future[float]] = []
        self._reading: asyncio.Future[Reading] | None = None
        self._report: asyncio.Future[Report] | None = None
        self._on_progress: Callable[[Progress], None] | None = None
        self._ended: str | None = None

    @classmethod
    @asynccontextmanager
    async def started(
        cls, sessions: int, *, profile: Profile | None = None, server_pid: int | None = None
    ) -> AsyncIterator["Load"]:
        """Starts one for at most so many sessions; at the end it says goodbye for all of them."""
        identity = Identity.new()
        process = await asyncio.create_subprocess_exec(
            *command(), stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LINE_BYTES
        )
        load = cls(process, identity, sessions)
        plan = {
            "sessions": sessions,
            "certificate": list(identity.certificate),
            "private_key": list(identity.private_key),
            "profile": profile,
            "server_pid": server_pid,
        }
        load._tell({"sfu": plan})
        listener = asyncio.create_task(load._listen())
        try:
            yield load
        finally:
            assert process.stdin is not None
            process.stdin.close()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await process.stdin.wait_closed()
            await listener
            await process.wait()

    async def connect(self, session: Session) -> int:
        """Connects a session, and returns its id when it has its keys.

        Raises:
            BenchError: it could not.
        """
        number, self._next = self._next, self._next + 1
        if number >= self._sessions:
            raise BenchError(f"more than {self._sessions} sessions")
        loop = asyncio.get_running_loop()
        connected: asyncio.Future[float] = loop.create_future()
        self._connected.append(connected)
        self._flowing.append(loop.create_future())
        plan = {**msgspec.structs.asdict(session), "id": number}
        if session.fingerprint is not None:
            plan["fingerprint"] = list(session.fingerprint)
        self._tell({"connect": plan})
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await connected
        except TimeoutError:
            raise BenchError("a session did not connect in time") from None
        return number

    async def flowing(self, session: int) -> float:
        """Waits until each track that the session subscribed to has come.

        Returns:
            Seconds from being told to connect.

        Raises:
            BenchError: it failed, or took too long.
        """
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await self._flowing[session]
        except TimeoutError:
            raise BenchError("a session got no media in time") from None

    def pace(self, frames: Sequence[Sequence[int]], frames_per_second: float) -> None:
        """What all tracks send from now on: packets of these sizes, as UDP payloads."""
        self._tell({"pace": {"frames": frames, "frames_per_second": frames_per_second}})

    def close(self, session: int) -> None:
        """Ends a session."""
        self._tell({"close": session})

    async def read(self) -> Reading:
        """Looks at the server's process."""
        self._reading = asyncio.get_running_loop().create_future()
        self._tell("read")
        return await self._reading

    async def run(
        self,
        seconds: float,
        *,
        warm_up: float = 0.5,
        drain: float = 1.0,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Report:
        """Counts for a while."""
        self._report = asyncio.get_running_loop().create_future()
        self._on_progress = on_progress
        self._tell({"run": {"warm_up": warm_up, "seconds": seconds, "drain": drain}})
        return await self._report

    def _tell(self, line: Any) -> None:
        if self._ended is not None:
            raise BenchError(self._ended)
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(line) + b"\n")

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        async for line in self._process.stdout:
            self._hear(_told.decode(line))
        said = (await self._process.stderr.read()).decode(errors="replace").strip()
        self._ended = said or "the generator has ended"
        waited: list[asyncio.Future[Any] | None] = [*self._connected, *self._flowing]
        for future in [*waited, self._reading, self._report]:
            if future is not None and not future.done():
                future.set_exception(BenchError(self._ended))
                future.exception()

    def _hear(self, told: _Told) -> None:
        if told.progress is not None and self._on_progress is not None:
            self._on_progress(told.progress)
        if told.connected is not None:
            _settle(self._connected[told.connected.id], told.connected.seconds)
        if told.flowing is not None:
            _settle(self._flowing[told.flowing.id], told.flowing.seconds)
        if told.failed is not None:
            for future in (self._connected[told.failed.id], self._flowing[told.failed.id]):
                if not future.done():
                    future.set_exception(BenchError(told.failed.why))
                    # Nobody may be waiting for it.
                    future.exception()
        if told.reading is not None and self._reading is not None:
            _settle(self._reading, told.reading)
        if told.report is not None and self._report is not None:
            _settle(self._report, told.report)


def _settle(future: "asyncio.Future[T]", value: T) -> None:
    if not future.done():
        future.set_result(value)
