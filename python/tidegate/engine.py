"""Starts, feeds and listens to the engine: the only importer of the compiled module.

The engine's events come in batches, one wake a batch, on the event loop; what the rules answer goes
back as commands. Media flows whether or not this loop does.
"""

import asyncio
import base64
import logging
import os
import socket
import ssl
import textwrap
from collections.abc import Callable

from tidegate import _engine
from tidegate.addresses import HostPort
from tidegate.calls.server import CallsServer
from tidegate.certificates import Certificate
from tidegate.config import Config
from tidegate.errors import StartError
from tidegate.moqt import version
from tidegate.moqt.codes import SessionCode
from tidegate.moqt.server import MoqServer

log = logging.getLogger(__name__)

_EVENTS_PER_TURN = 256
"""Events handled before the loop's other work has its turn."""

_RTC_EVENTS = (
    _engine.RtcConnected,
    _engine.RtcDisconnected,
    _engine.RtcClosed,
    _engine.TrackFlowing,
    _engine.TrackSilent,
)


class EngineFailed(StartError):
    """A shard of the engine has ended by a bug; the process cannot carry media any more."""


def start(config: Config, certificate: Certificate, rtc_certificate: Certificate) -> _engine.Engine:
    """Binds the UDP port and starts the shards.

    Args:
        certificate: what QUIC shows.
        rtc_certificate: what WebRTC sessions show, for as long as the engine runs.

    Raises:
        StartError: the port is taken, or cannot be bound.
    """
    chain, key = _pem(certificate)
    address = _numeric(config.udp)
    try:
        return _engine.Engine(
            udp=address,
            shards=min(config.shards or os.cpu_count() or 1, 128),
            certificate=chain,
            private_key=key,
            alpn=version.alpns(),
            rtc_certificate=rtc_certificate.chain[0],
            rtc_private_key=rtc_certificate.key,
            limits=_limits(config),
        )
    except OSError as error:
        raise StartError(f"UDP {config.udp}: {error.strerror or error}") from None


class EngineLoop:
    """Brings the engine's events to the rules, and keeps the rules' deadlines.

    Attributes:
        failed: done when the engine cannot go on.
    """

    def __init__(self, engine: _engine.Engine, moq: MoqServer, calls: CallsServer) -> None:
        self._engine = engine
        self._moq = moq
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._due = 0.0
        self._stopped = asyncio.Event()
        self.failed: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(engine.fileno(), self._drain)

    def now(self) -> float:
        """The clock of the rules: seconds that never go back."""
        return self._loop.time()

    def act(self, change: Callable[[float], None]) -> None:
        """Runs something that changes the rules' state, and keeps the deadlines it makes."""
        change(self.now())
        self._set_timer()

    def show(self, certificate: Certificate) -> None:
        """New handshakes get this certificate."""
        self._engine.set_certificate(*_pem(certificate))

    async def stop(self, seconds: float) -> None:
        """Says goodbye to every session and frees the port, within ``seconds``."""
        self._engine.shutdown(SessionCode.NO_ERROR, "the server is stopping", seconds)
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds + 1.0)
        except TimeoutError:
            log.warning("sessions were still open when the engine stopped")
        self._loop.remove_reader(self._engine.fileno())
        if self._timer is not None:
            self._timer.cancel()

    def _drain(self) -> None:
        try:
            events = self._engine.poll(_EVENTS_PER_TURN)
        except RuntimeError as error:
            self._loop.remove_reader(self._engine.fileno())
            if not self.failed.done():
                self.failed.set_exception(EngineFailed(str(error)))
            return
        now = self.now()
        for event in events:
            if isinstance(event, _engine.Stopped):
                self._stopped.set()
            elif isinstance(event, _RTC_EVENTS):
                self._calls.handle(event, now)
            else:
                self._moq.handle(event, now)
        self._set_timer()

    def _set_timer(self) -> None:
        deadlines = (self._moq.next_timeout(), self._calls.next_timeout())
        due = min((at for at in deadlines if at is not None), default=None)
        timer = self._timer
        if timer is not None:
            if due is not None and self._due <= due and not timer.cancelled():
                return
            timer.cancel()
        self._timer = None
        if due is not None:
            # What is due already is no timer to uvloop, and does not tell its time.
            self._timer, self._due = self._loop.call_at(due, self._fire), due

    def _fire(self) -> None:
        self._timer = None
        now = self.now()
        self._moq.handle_timeout(now)
        self._calls.handle_timeout(now)
        self._set_timer()


def _limits(config: Config) -> _engine.Limits:
    limits, moq, cache = config.limits, config.moq, config.cache
    return _engine.Limits(
        sessions=limits.sessions,
        sessions_per_address=limits.sessions_per_address,
        handshakes_per_second=limits.handshakes_per_second,
        half_open=limits.half_open,
        # The control stream, WebTransport's CONNECT, and some to be refused politely.
        control_streams=limits.namespace_subscriptions + 8,
        data_streams=limits.streams,
        parked_streams=moq.early_streams,
        parked_datagram_bytes=moq.early_datagram_bytes,
        parked_seconds=moq.early_seconds,
        cache_bytes=cache.bytes_total,
        cache_bytes_per_scope=cache.bytes_per_relay,
        cache_seconds=cache.seconds,
        queued_bytes_per_sink=limits.queued_bytes_per_subscriber,
        control_backlog_bytes=limits.control_bytes_per_session,
        idle_seconds=moq.idle_seconds,
        rtc_sessions=config.calls.sessions,
    )


def _numeric(address: HostPort) -> tuple[str, int]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise StartError(f"UDP {address}: {error.strerror}") from None
    return str(found[0][4][0]), address.port


def _pem(certificate: Certificate) -> tuple[bytes, bytes]:
    chain = "".join(ssl.DER_cert_to_PEM_cert(der) for der in certificate.chain)
    body = textwrap.fill(base64.b64encode(certificate.key).decode(), 64)
    key = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    return chain.encode(), key.encode()
