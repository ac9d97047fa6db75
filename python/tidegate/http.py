"""Serves an ASGI app over HTTP or HTTPS inside the running loop, and bears with no client for ever.

uvicorn parses and answers. What it leaves open is closed here: deadlines for TLS handshakes,
headers, bodies and unread answers, a bound on headers, and bounds on connections
(:class:`tidegate.config.HttpLimits`).
"""

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections import Counter
from pathlib import Path
from typing import Self

import msgspec
from litestar.types import ASGIApp
from uvicorn import Config as UvicornConfig
from uvicorn import Server as UvicornServer
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tidegate.addresses import HostPort
from tidegate.api.envelope import failure
from tidegate.config import HttpLimits
from tidegate.errors import SettingError, StartError

log = logging.getLogger(__name__)

_BACKLOG = 1024
_ACCEPT_PAUSE_SECONDS = 0.1
_TLS_CHECK_SECONDS = 2.0
_STOP_SECONDS = 4


class HttpServer:
    """One listening TCP port and everything connected to it."""

    def __init__(self, server: "_Server", listener: socket.socket, tls: "_Tls | None") -> None:
        self._server = server
        self._listener = listener
        self._tasks = [
            asyncio.create_task(server.main_loop()),
            asyncio.create_task(server.accept(listener, tls.context if tls else None)),
        ]
        if tls is not None:
            self._tasks.append(asyncio.create_task(tls.watch()))

    @classmethod
    async def start(
        cls,
        app: ASGIApp,
        address: HostPort,
        limits: HttpLimits,
        *,
        tls_files: tuple[Path, Path] | None = None,
    ) -> Self:
        """Listens from when it returns; over HTTPS with ``tls_files``, a chain and its key.

        Raises:
            StartError: the address cannot be listened on.
            SettingError: the certificate or its key cannot be used.
        """
        tls = _Tls(*tls_files) if tls_files else None
        listener = _listen(address)
        try:
            server = _Server(app, limits)
            await server.begin()
            return cls(server, listener, tls)
        except BaseException:
            listener.close()
            raise

    @property
    def address(self) -> HostPort:
        """Where it listens, with the port that the system picked where 0 was asked for."""
        host, port, *_ = self._listener.getsockname()
        return HostPort(host, port)

    @property
    def connections(self) -> int:
        """Open TCP connections, those in their TLS handshake included."""
        return self._server.connections.total()

    async def stop(self) -> None:
        """Lets running requests end, for some seconds, and closes everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.shutdown(sockets=[self._listener])


class _Server(UvicornServer):
    """uvicorn's server without a loop and signal handlers of its own; we accept connections."""

    def __init__(self, app: ASGIApp, limits: HttpLimits) -> None:
        config = UvicornConfig(
            app,
            http=_Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        super().__init__(config)
        self.limits = limits
        self.connections: Counter[str] = Counter()
        self.servers = []
        self._nobody_here = asyncio.Event()
        self._nobody_here.set()
        self._handshakes: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise StartError("the HTTP side did not start; the log says why")
        self.started = True

    async def accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        """Takes connections within the limits, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError as error:
                # Out of files: those that wait in the backlog may find some later.
                log.warning("no connection can be accepted: %s", error.strerror)
                await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
                continue
            host = str(peer[0])
            if not self._admits(host):
                connection.close()
                continue
            self.connections[host] += 1
            self._nobody_here.clear()
            task = loop.create_task(self._shake_hands(connection, host, context))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends idle connections now, busy ones when they have answered or their time is up."""
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await self._nobody_here.wait()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        stragglers = [*self.server_state.tasks, *self._handshakes]
        for task in stragglers:
            task.cancel()
        await asyncio.gather(*stragglers, return_exceptions=True)
        await self.lifespan.shutdown()

    def left(self, host: str) -> None:
        self.connections[host] -= 1
        if not self.connections[host]:
            del self.connections[host]
        if not self.connections:
            self._nobody_here.set()

    def _admits(self, host: str) -> bool:
        limits = self.limits
        return (
            self.connections.total() < limits.connections
            and self.connections[host] < limits.connections_per_address
        )

    async def _shake_hands(
        self, connection: socket.socket, host: str, context: ssl.SSLContext | None
    ) -> None:
        loop = asyncio.get_running_loop()
        timeout = self.limits.handshake_seconds if context else None
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(
                lambda: _Protocol(self, host),
                connection,
                ssl=context,
                ssl_handshake_timeout=timeout,
            )
        except (OSError, ssl.SSLError) as error:
            log.debug("a client did not finish its handshake: %s", type(error).__name__)
            connection.close()
            self.left(host)


class _HeadersTooLarge(Exception):
    """Raised inside the parser to make it stop."""


class _Protocol(HttpToolsProtocol):
    """One connection, with a deadline whenever it is the client's turn to do something."""

    def __init__(self, server: _Server, host: str) -> None:
        super().__init__(server.config, server.server_state, server.lifespan.state)
        self.timeout_keep_alive = server.limits.idle_seconds  # type: ignore[assignment]
        self._server = server
        self._limits = server.limits
        self._host = host
        self._request_deadline: asyncio.TimerHandle | None = None
        self._answer_deadline: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._in_headers = False
        # What the parser has taken in without a word: it keeps a header to itself until its end.
        self._unseen_bytes = 0
        self._too_large = False

    # -- The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_request(self._limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.left(self._host)
        self._expect_request(None)
        self._expect_reading(None)
        super().connection_lost(exc)

    # -- Requests

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unseen_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._unseen_bytes > self._limits.header_bytes:
            self._too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        self._unseen_bytes = 0
        self._in_headers = True
        self._expect_request(self._limits.header_seconds)

    def on_url(self, url: bytes) -> None:
        self._count_header(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_header(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._expect_request(self._limits.body_seconds)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._expect_request(None)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP, or too much of it, and hangs up."""
        if self.transport.is_closing():
            return
        status, problem = b"400 Bad Request", failure(10400, "The request is not valid HTTP.")
        if self._too_large:
            status = b"431 Request Header Fields Too Large"
            problem = failure(10431, "The request's headers are too large.")
        body = msgspec.json.encode(problem)
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
        self.transport.write(head % (status, len(body)) + b"connection: close\r\n\r\n" + body)
        self._hang_up()

    # -- Answers

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading(self._limits.write_seconds)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._expect_reading(None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._hang_up()

    def timeout_keep_alive_handler(self) -> None:
        self._hang_up()

    # -- Deadlines

    def _count_header(self, length: int) -> None:
        self._unseen_bytes = 0
        self._header_bytes += length
        if self._header_bytes > self._limits.header_bytes:
            self._too_large = True
            raise _HeadersTooLarge

    def _expect_request(self, seconds: float | None) -> None:
        """The client has ``seconds`` for the next part of its request; None once it is our turn."""
        if self._request_deadline is not None:
            self._request_deadline.cancel()
        self._request_deadline = self._abort_in(seconds)

    def _expect_reading(self, seconds: float | None) -> None:
        """The client has ``seconds`` to read what we wrote; None once it did."""
        if self._answer_deadline is not None:
            self._answer_deadline.cancel()
        self._answer_deadline = self._abort_in(seconds)

    def _abort_in(self, seconds: float | None) -> asyncio.TimerHandle | None:
        return None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _hang_up(self) -> None:
        """Closes once everything written is read, or the client had its time for that."""
        self._expect_reading(self._limits.write_seconds)
        self.transport.close()


class _Tls:
    """The operator's certificate, read again when its files change."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._files = (cert, key)
        self._seen = self._stamp()
        self.context = _tls_context(cert, key)

    async def watch(self) -> None:
        """Gives new connections the new certificate, until cancelled."""
        while True:
            await asyncio.sleep(_TLS_CHECK_SECONDS)
            self.check()

    def check(self) -> None:
        """Takes over changed files; those that cannot be used change nothing but the log."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            _tls_context(*self._files)
            self.context.load_cert_chain(*self._files)
        except (SettingError, OSError) as error:
            log.warning("the new certificate is not used: %s", error)
        else:
            log.info("the certificate was read again")

    def _stamp(self) -> tuple[tuple[int, int, int] | None, ...]:
        stamps: list[tuple[int, int, int] | None] = []
        for file in self._files:
            try:
                stat = file.stat()
            except OSError:
                stamps.append(None)
            else:
                stamps.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        return tuple(stamps)


def _tls_context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key)
    except ssl.SSLError as error:
        reason = error.reason or "not a PEM certificate and its key"
        raise SettingError("TIDEGATE_TLS_CERT", f"{cert}, {key}: {reason}") from None
    except OSError as error:
        raise SettingError("TIDEGATE_TLS_CERT", f"{cert}, {key}: {error.strerror}") from None
    return context


def _listen(address: HostPort) -> socket.socket:
    listener = None
    try:
        family, kind, protocol, _, sockaddr = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address.host != "::"))
        listener.bind(sockaddr)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        if listener is not None:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StartError(f"TCP address {address} is in use") from None
        raise StartError(f"TCP address {address}: {error.strerror}") from None
    return listener
