"""The HTTP server on real sockets, above all with clients that mean no good."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tidegate import certificates
from tidegate.addresses import HostPort
from tidegate.config import HttpLimits
from tidegate.errors import SettingError, StartError
from tidegate.http import HttpServer

LOOPBACK = HostPort("127.0.0.1", 0)
HASTY = HttpLimits(
    header_seconds=0.3,
    body_seconds=0.3,
    write_seconds=0.3,
    idle_seconds=0.3,
    handshake_seconds=0.3,
    header_bytes=4096,
    connections=20,
    connections_per_address=10,
)
PATIENT = replace(HASTY, header_seconds=60.0, handshake_seconds=60.0)
SOON = 8.0
"""Far above the limits under test, below any default."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body, or ``/large`` with 64 MiB; ``/hang`` waits for its
    client to leave.
    """
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"] == "/hang":
        await receive()
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    chunks = 64 if scope["path"] == "/large" else 0
    for _ in range(chunks):
        await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
    await send({"type": "http.response.body", "body": str(length).encode()})


@contextlib.asynccontextmanager
async def serving(
    limits: HttpLimits = HASTY, tls_files: tuple[Path, Path] | None = None
) -> AsyncIterator[HttpServer]:
    server = await HttpServer.start(app, LOOPBACK, limits, tls_files=tls_files)
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    async with serving() as running:
        yield running


async def connect(server: HttpServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(server.address.host, server.address.port)


async def closed_after(
    server: HttpServer, send: bytes, every: float | None = None, piece: bytes = b""
) -> tuple[bytes, float]:
    """Sends, then ``piece`` again and again; what came back until the server hung up, and when that
    was.
    """
    reader, writer = await connect(server)
    start = time.monotonic()
    writer.write(send)

    async def drip() -> None:
        while every is not None:
            await asyncio.sleep(every)
            writer.write(piece)

    dripping = asyncio.create_task(drip())
    received = b""
    with contextlib.suppress(ConnectionError):
        received = await asyncio.wait_for(reader.read(), SOON)
    dripping.cancel()
    writer.transport.abort()
    return received, time.monotonic() - start


async def test_a_client_that_sends_nothing_is_let_go(server: HttpServer) -> None:
    received, seconds = await closed_after(server, b"")
    assert received == b""
    assert 0.2 < seconds < SOON


async def test_headers_that_drip_are_let_go(server: HttpServer) -> None:
    start = b"GET / HTTP/1.1\r\nhost: x\r\n"
    _, seconds = await closed_after(server, start, every=0.05, piece=b"a: b\r\n")
    assert 0.2 < seconds < SOON


async def test_a_header_without_end_is_let_go(server: HttpServer) -> None:
    _, seconds = await closed_after(server, b"GET / HTTP/1.1\r\na: ", every=0.05, piece=b"b")
    assert 0.2 < seconds < SOON


async def test_a_body_that_drips_is_let_go(server: HttpServer) -> None:
    start = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n"
    received, seconds = await closed_after(server, start, every=0.05, piece=b"x")
    assert received == b""
    assert 0.2 < seconds < SOON


async def test_chunks_that_drip_are_let_go(server: HttpServer) -> None:
    start = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    _, seconds = await closed_after(server, start, every=0.05, piece=b"1\r\nx\r\n")
    assert 0.2 < seconds < SOON


async def test_a_second_slow_request_on_a_connection_is_let_go(server: HttpServer) -> None:
    start = b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\n"
    received, seconds = await closed_after(server, start, every=0.05, piece=b"a: b\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert seconds < SOON


async def test_an_idle_connection_is_closed_after_its_time(server: HttpServer) -> None:
    received, seconds = await closed_after(server, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert received.endswith(b"1\r\n0\r\n0\r\n\r\n")
    assert 0.2 < seconds < SOON


async def test_an_answer_that_nobody_reads_is_dropped(server: HttpServer) -> None:
    _, writer = await asyncio.open_connection(server.address.host, server.address.port, limit=1)
    writer.write(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
    await until(lambda: server.connections == 1)
    await until(lambda: server.connections == 0)
    writer.transport.abort()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
        b"GET / HTTP/1.1\r\na: " + b"b" * 5000 + b"\r\n\r\n",
    ],
    ids=["url", "many headers", "one header"],
)
async def test_headers_beyond_the_bound_are_refused(server: HttpServer, request_: bytes) -> None:
    received, _ = await closed_after(server, request_)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert b'"success":false' in body


async def test_a_header_that_grows_beyond_the_bound_is_refused(server: HttpServer) -> None:
    start = b"GET / HTTP/1.1\r\na: "
    received, _ = await closed_after(server, start, every=0.02, piece=b"b" * 2000)
    assert received.startswith(b"HTTP/1.1 431 ")


async def test_the_start_of_a_next_request_is_not_charged_for_this_ones_body(
    server: HttpServer,
) -> None:
    body = b"x" * 20_000
    first = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 20000\r\n\r\n" + body
    received, _ = await closed_after(server, first + b"GE")
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert b"20000" in received
    assert b" 431 " not in received


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    ],
    ids=repr,
)
async def test_what_is_no_http_does_no_harm(server: HttpServer, garbage: bytes) -> None:
    received, _ = await closed_after(server, garbage)
    assert received.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in received
    assert (await get(server)).text == "0"


async def get(server: HttpServer, path: str = "/") -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://{server.address}{path}")


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not true():  # noqa: ASYNC110  # the server tells nobody
            await asyncio.sleep(0.01)


async def test_one_address_cannot_take_every_connection() -> None:
    async with serving(PATIENT) as server:
        writers = [(await connect(server))[1] for _ in range(10)]
        await until(lambda: server.connections == 10)
        received, seconds = await closed_after(server, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert received == b""
        assert seconds < SOON
        for writer in writers:
            writer.transport.abort()
        await until(lambda: server.connections == 0)
        assert (await get(server)).status_code == 200


async def test_a_patient_client_is_served(server: HttpServer) -> None:
    async with httpx.AsyncClient() as client:
        for size in (0, 1, 1_000_000):
            reply = await client.post(f"http://{server.address}/", content=bytes(size))
            assert reply.text == str(size)


async def test_a_large_answer_is_read_at_leisure(server: HttpServer) -> None:
    reply = await get(server, "/large")
    assert len(reply.content) == (64 << 20) + 1


async def test_stopping_does_not_wait_for_those_who_hang(server: HttpServer) -> None:
    _, writer = await connect(server)
    writer.write(b"GET /hang HTTP/1.1\r\nhost: x\r\n\r\n")
    await until(lambda: server.connections == 1)
    start = time.monotonic()
    await server.stop()
    assert time.monotonic() - start < SOON
    writer.transport.abort()


async def test_a_port_in_use_is_one_line(server: HttpServer) -> None:
    with pytest.raises(StartError, match=f"TCP address {server.address} is in use"):
        await HttpServer.start(app, server.address, HASTY)


async def test_a_foreign_address_is_one_line() -> None:
    with pytest.raises(StartError, match=r"TCP address 192\.0\.2\.1:0: Cannot assign"):
        await HttpServer.start(app, HostPort("192.0.2.1", 0), HASTY)


def write_certificate(directory: Path, name: str) -> tuple[Path, Path]:
    """PEM files of a new certificate for ``name``."""
    made = certificates.load_or_make(directory, [name], now=datetime.now(UTC))
    cert, key = directory / "cert.pem", directory / "key.pem"
    leaf = x509.load_der_x509_certificate(made.chain[0])
    private = serialization.load_der_private_key(made.key, password=None)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    cert.write_bytes(leaf.public_bytes(Encoding.PEM))
    return cert, key


async def names_shown(server: HttpServer) -> frozenset[str]:
    """The names of the certificate that a new connection gets."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection(*astuple(server.address), ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return frozenset(names.value.get_values_for_type(x509.DNSName))


def astuple(address: HostPort) -> tuple[str, int]:
    return address.host, address.port


async def test_https_takes_over_a_changed_certificate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = write_certificate(tmp_path, "old.example")
    async with serving(tls_files=files) as server:
        assert "old.example" in await names_shown(server)
        files[0].write_text("half written")
        with caplog.at_level("WARNING", "tidegate.http"):
            await until(lambda: "the new certificate is not used" in caplog.text)
        assert "old.example" in await names_shown(server)
        write_certificate(tmp_path, "new.example")
        with caplog.at_level("INFO", "tidegate.http"):
            await until(lambda: "the certificate was read again" in caplog.text)
        assert "new.example" in await names_shown(server)


async def test_a_tls_handshake_that_does_not_come_is_let_go(tmp_path: Path) -> None:
    async with serving(tls_files=write_certificate(tmp_path, "x.example")) as server:
        received, seconds = await closed_after(server, b"")
        assert received == b""
        assert 0.2 < seconds < SOON


async def test_handshakes_count_as_connections(tmp_path: Path) -> None:
    async with serving(PATIENT, write_certificate(tmp_path, "x.example")) as server:
        held = [(await connect(server))[1] for _ in range(10)]
        await until(lambda: server.connections == 10)
        _, seconds = await closed_after(server, b"")
        assert seconds < SOON
        for writer in held:
            writer.transport.abort()
        await until(lambda: server.connections == 0)


async def test_a_bad_certificate_is_one_line(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path, "x.example")
    cert.write_text("nonsense")
    with pytest.raises(SettingError, match=r"TIDEGATE_TLS_CERT: .*cert\.pem"):
        await HttpServer.start(app, LOOPBACK, HASTY, tls_files=(cert, key))
