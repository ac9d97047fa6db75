"""The relays that are measured: each is started for a run on a free port, and ended after it."""

import os
import shutil
import socket
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from tidegate.bench.certificate import write_certificate
from tidegate.bench.processes import (
    free_port,
    is_free,
    process,
    provision,
    tidegate_serving,
    wait,
)
from tidegate.errors import BenchError

Transport = Literal["quic", "webtransport"]

_MOQ_SERVER = """
import asyncio, sys, moq

async def main():
    async with moq.Server(sys.argv[1], tls_generate=["localhost"]) as server:
        await server.serve()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A relay that runs.

    Attributes:
        pid: the process that carries the media, where it is known.
        address: numeric, with the port.
        server_name: what TLS asks for.
        publish_path: path and query of a publisher's URL; holds a token where the relay wants one.
    """

    address: str
    pid: int | None = None
    server_name: str = "localhost"
    publish_path: str = "/"
    subscribe_path: str = "/"


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay that can be started.

    Attributes:
        drafts: what it speaks of what the generator speaks, best for it first.
        transports: what it accepts on one port.
    """

    name: str
    version: str
    drafts: tuple[int, ...]
    transports: tuple[Transport, ...]
    start: Callable[[Path], Iterator[Target]]

    @contextmanager
    def running(self) -> Iterator[Target]:
        """Starts it in a directory of its own and ends it.

        Raises:
            BenchError: it did not start.
        """
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as directory:
            yield from self.start(Path(directory))


def tidegate(shards: int) -> Relay:
    """This project's server, with a relay and a token for each role."""

    def start(directory: Path) -> Iterator[Target]:
        with tidegate_serving(directory, shards) as told:
            relay = provision(told, "moq/relays")
            yield Target(
                address=told["moq"].split("://", 1)[1].rstrip("/"),
                pid=told["pid"],
                publish_path=f"/{relay['token_publish_subscribe']}",
                subscribe_path=f"/{relay['token_subscribe']}",
            )

    return Relay("tidegate", version("tidegate"), (16, 14), ("quic", "webtransport"), start)


def given(url: str, pid: int | None, publish_path: str, subscribe_path: str) -> Relay:
    """A relay that runs already: ``host:port``, or a URL. Its path is only a default.

    Raises:
        BenchError: the URL has no port, or its host has no address.
    """
    parts = urlsplit(url if "://" in url else f"moqt://{url}")
    try:
        if parts.hostname is None or parts.port is None:
            raise BenchError(f"{url}: host and port are needed")
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_DGRAM)
    except (OSError, ValueError) as error:
        raise BenchError(f"{url}: {error}") from None
    host, port = str(found[0][4][0]), parts.port
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    path = urlunsplit(("", "", parts.path, parts.query, "")) or "/"

    def start(_directory: Path) -> Iterator[Target]:
        yield Target(
            address, pid, parts.hostname or "", publish_path or path, subscribe_path or path
        )

    return Relay(parts.netloc, "", (14, 16, 18), ("quic", "webtransport"), start)


def peers(foreign: Path) -> list[Relay]:
    """Other projects' relays that this machine has.

    Args:
        foreign: the environment with PyPI's ``aiomoqt`` and ``moq-rs``.
    """
    found = []
    python = foreign / "bin" / "python"
    if python.exists():
        found.append(_aiomoqt(foreign, _installed(python, "aiomoqt")))
        found.append(_moq_server(python, _installed(python, "moq-rs")))
    for name, make in {"moq-relay-ietf": _moq_relay_ietf, "moq-relay": _moq_relay}.items():
        program = shutil.which(name) or shutil.which(name, path=str(Path.home() / ".cargo" / "bin"))
        if program is not None:
            found.append(make(program))
    return found


def _aiomoqt(foreign: Path, release: str) -> Relay:
    def command(port: int, certificate: Path, key: Path) -> list[str]:
        program = str(foreign / "bin" / "moq-interop-relay")
        where = ["--bind", "127.0.0.1", "--port", str(port), "--dual"]
        return [program, *where, "--cert", str(certificate), "--key", str(key)]

    return Relay("aiomoqt", release, (16, 14, 18), ("quic", "webtransport"), _onfree_port(command))


def _moq_server(python: Path, release: str) -> Relay:
    def command(port: int, _certificate: Path, _key: Path) -> list[str]:
        return [str(python), "-c", _MOQ_SERVER, f"127.0.0.1:{port}"]

    return Relay(
        "moq.Server", release, (16, 14, 18), ("quic", "webtransport"), _onfree_port(command)
    )


def _moq_relay_ietf(program: str) -> Relay:
    def command(port: int, certificate: Path, key: Path) -> list[str]:
        tls = ["--tls-cert", str(certificate), "--tls-key", str(key)]
        coordinator = str(certificate.with_name("coordinator"))
        return [program, "--bind", f"127.0.0.1:{port}", *tls, "--coordinator-file", coordinator]

    return Relay(
        "moq-relay-ietf",
        _installed_by_cargo(program),
        (18,),
        ("quic", "webtransport"),
        _onfree_port(command),
    )


def _moq_relay(program: str) -> Relay:
    def command(port: int, certificate: Path, key: Path) -> list[str]:
        listen = f"127.0.0.1:{port}"
        tls = ["--listen-tls-cert", str(certificate), "--listen-tls-key", str(key)]
        return [
            program,
            "--listen",
            listen,
            *tls,
            "--auth-public",
            "**",
            "--web-http-listen",
            listen,
        ]

    return Relay(
        "moq-relay",
        _installed_by_cargo(program),
        (16, 14, 18),
        ("quic", "webtransport"),
        _onfree_port(command),
    )


def _onfree_port(
    command: Callable[[int, Path, Path], list[str]],
) -> Callable[[Path], Iterator[Target]]:
    def start(directory: Path) -> Iterator[Target]:
        # A folder of its own: one relay watches its certificate's folder, and we log to another.
        certificate, key = write_certificate(directory / "tls")
        port = free_port()
        with process(command(port, certificate, key), directory, dict(os.environ)) as started:
            wait(started, directory, lambda: not is_free(port))
            yield Target(f"127.0.0.1:{port}", started.pid)

    return start


def _installed(python: Path, package: str) -> str:
    script = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run(
        [str(python), "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()


def _installed_by_cargo(program: str) -> str:
    """What cargo wrote down beside the folder of programs that it installed."""
    path = Path(program)
    try:
        crates = tomllib.loads((path.parent.parent / ".crates.toml").read_text())["v1"]
    except (OSError, ValueError, KeyError):
        return "?"
    return next((crate.split()[1] for crate in crates if crate.startswith(f"{path.name} ")), "?")
