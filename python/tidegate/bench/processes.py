"""Servers as processes of ours: started on a free port, waited for, and ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tidegate.errors import BenchError

_START_SECONDS = 20.0
_STOP_SECONDS = 1.0
_LOOK_SECONDS = 0.05


@contextmanager
def process(
    command: list[str], directory: Path, environ: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A server whose log is in ``directory``, until it is told to end.

    What is measured has been measured by then, so a server that takes its time is killed.
    """
    with (directory / "log").open("wb") as log:
        started = subprocess.Popen(
            command, env=environ, cwd=directory, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def tidegate_serving(directory: Path, shards: int) -> Iterator[dict[str, Any]]:
    """This project's server in ``directory``; yields what its ready file says."""
    ready = directory / "ready.json"
    environ = os.environ | {
        "TIDEGATE_DATA_DIR": str(directory / "data"),
        "TIDEGATE_HTTP": "127.0.0.1:0",
        "TIDEGATE_UDP": "127.0.0.1:0",
        "TIDEGATE_READY_FILE": str(ready),
        "TIDEGATE_SHARDS": str(shards),
    }
    command = [sys.executable, "-m", "tidegate", "serve"]
    with process(command, directory, environ) as started:
        wait(started, directory, ready.exists)
        yield json.loads(ready.read_text())


def provision(told: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Creates what stands at ``path`` below the account of the server that says ``told``."""
    made = httpx.post(
        f"{told['api']}/accounts/{told['account_id']}/{path}",
        json={"name": "bench"},
        headers={"Authorization": f"Bearer {told['api_token']}"},
    )
    made.raise_for_status()
    created: dict[str, Any] = made.json()["result"]
    return created


def wait(process: subprocess.Popen[bytes], directory: Path, ready: Callable[[], bool]) -> None:
    """Waits until a server is ready.

    Raises:
        BenchError: it ended, or took too long; with the last line of its log.
    """
    until = time.monotonic() + _START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            log = (directory / "log").read_text(errors="replace").splitlines()
            raise BenchError(f"did not start: {log[-1] if log else 'no word'}")
        time.sleep(_LOOK_SECONDS)


def free_port() -> int:
    """A UDP port of the loopback that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a UDP port of the loopback can be bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_tcp_port() -> int:
    """A TCP port of the loopback that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Whether a TCP port of the loopback takes connections."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
