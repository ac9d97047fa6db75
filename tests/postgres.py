"""A real PostgreSQL server for the tests, started by whoever runs them and gone with them."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that listens on loopback, without a password."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql://tidegate@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty database, which is gone when the block is left."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            yield self.url(name)
            db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def find_binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: Debian keeps it off PATH; the newest wins."""
    debian = Path("/usr/lib/postgresql")
    versions = sorted(debian.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Starts a server in a temporary directory; PostgreSQL refuses to run as root, so root steps
    down.
    """
    binaries = find_binaries()
    if binaries is None:
        raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
    user = _unprivileged_user() if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="tidegate-postgres-") as scratch:
        directory = Path(scratch)
        if user is not None:
            shutil.chown(directory, user)
        cluster = directory / "cluster"
        flags = ["--username=tidegate", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        subprocess.run(
            [binaries / "initdb", "-D", cluster, *flags],
            user=user,
            cwd=directory,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(directory),
            "fsync": "off",
            "full_page_writes": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = directory / "log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", cluster, *options],
                user=user,
                cwd=directory,
                stdout=output,
                stderr=output,
            )
        try:
            _wait_until_ready(Postgres(port), server, log)
            yield Postgres(port)
        finally:
            # PostgreSQL's "immediate" shutdown: nothing here is worth a checkpoint.
            server.send_signal(signal.SIGQUIT)
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _unprivileged_user() -> str:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise LookupError("no unprivileged user to run PostgreSQL as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(postgres: Postgres, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(postgres.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from None
            time.sleep(0.05)
        else:
            return
