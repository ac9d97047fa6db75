"""A whole server in a process of its own, on loopback, and relays on it, for tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cloudflare import Cloudflare

Transport = Literal["quic", "webtransport"]

START_SECONDS = 30
STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay of the API and the tokens that open it."""

    server: "Server"
    uid: str
    publish_token: str
    subscribe_token: str

    def url(self, transport: Transport, token: str | None = None) -> str:
        """Where a client of ``transport`` connects; the default ``token`` may do everything."""
        base = self.server.moq if transport == "quic" else self.server.webtransport
        return f"{base.rstrip('/')}/{token or self.publish_token}"

    def moqt_url(self, token: str | None = None) -> str:
        return self.url("quic", token)

    def webtransport_url(self, token: str | None = None) -> str:
        return self.url("webtransport", token)

    @property
    def certificate_sha256(self) -> str:
        return self.server.certificate_sha256

    @property
    def http(self) -> str:
        """The origin of the HTTP side, without a path."""
        return self.server.api.removesuffix("/client/v4")


@dataclass(frozen=True, slots=True)
class App:
    """A Realtime SFU app, and the secret that opens it.

    Attributes:
        url: the prefix of its calls.
    """

    url: str
    uid: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, as its ready file describes it."""

    api: str
    sfu: str
    moq: str
    webtransport: str
    account_id: str
    api_token: str | None
    certificate_sha256: str
    pid: int
    log: Path

    def cloudflare(self) -> Cloudflare:
        """The official SDK, pointed here."""
        return Cloudflare(api_token=self.api_token, base_url=self.api, max_retries=0)

    def create_app(self, name: str = "test") -> App:
        """A new Realtime SFU app."""
        with self.cloudflare() as client:
            created = client.calls.sfu.create(account_id=self.account_id, name=name)
        assert created is not None
        return App(f"{self.sfu}/apps/{created.uid}", str(created.uid), str(created.secret))

    def create_relay(self, name: str = "test", *, lingering: bool = True) -> Relay:
        """A new relay; ``lingering`` off: a SUBSCRIBE without a publisher is refused at once."""
        with self.cloudflare() as client:
            created = client.moq.relays.create(account_id=self.account_id, name=name)
            assert created is not None
            tokens = {
                frozenset(token.operations): token.secret
                for issuer in created.issuers
                for token in issuer.cloudflare_tokens
            }
            if not lingering:
                config: dict[str, Any] = {"lingering_subscribe": {"enabled": False}}
                client.moq.relays.update(
                    created.uid,
                    account_id=self.account_id,
                    config=config,  # type: ignore[arg-type]  # the newest SDK knows upstreams only
                )
        return Relay(
            self,
            created.uid,
            publish_token=str(tokens[frozenset({"publish", "subscribe"})]),
            subscribe_token=str(tokens[frozenset({"subscribe"})]),
        )


class ServerFailed(Exception):
    """The server ended, or did not get ready in time; holds what it printed."""


SERVE = (sys.executable, "-m", "tidegate", "serve")


@dataclass(frozen=True, slots=True)
class Launched:
    """A server process; ``server`` is there when it is ready."""

    process: subprocess.Popen[str]
    ready: Path
    log: Path

    def server(self) -> Server:
        """Waits until everything listens.

        Raises:
            ServerFailed: it ended instead, or took too long.
        """
        return Server(**_when_ready(self.process, self.ready, self.log), log=self.log)

    def stop(self) -> int:
        """Ends it in order; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def launched(
    directory: Path, settings: Mapping[str, str] | None = None, command: Sequence[str] = SERVE
) -> Iterator[Launched]:
    """Starts a server with its data in ``directory``; it is gone when the block is left.

    ``settings`` are environment variables on top of loopback addresses with free ports. A second
    start in the same directory finds what the first one stored.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ready, log = directory / "ready.json", directory / "server.log"
    ready.unlink(missing_ok=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")},
        "TIDEGATE_DATA_DIR": str(directory / "data"),
        "TIDEGATE_HTTP": "127.0.0.1:0",
        "TIDEGATE_UDP": "127.0.0.1:0",
        "TIDEGATE_READY_FILE": str(ready),
        **(settings or {}),
    }
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output if command is SERVE else subprocess.PIPE,
            stderr=output,
            text=True,
        ) as process,
    ):
        try:
            yield Launched(process, ready, log)
        finally:
            process.kill()


@contextmanager
def running_server(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server that is ready, and that is ended in order; see ``launched``."""
    with launched(directory, settings) as started:
        yield started.server()
        assert started.stop() == 0


def _when_ready(process: subprocess.Popen[str], ready: Path, log: Path) -> dict[str, Any]:
    """What the ready file says, as soon as it is there: it is written whole, by renaming."""
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerFailed(f"exit code {process.poll()}\n{log.read_text(errors='replace')}")
        time.sleep(0.02)
    described: dict[str, Any] = json.loads(ready.read_text())
    return described
