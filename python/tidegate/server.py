"""The whole server in one process: store, rules, engine and HTTP, put together and taken apart."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from rich.console import Console

from tidegate import certificates, datadir, engine
from tidegate.addresses import HostPort, candidates, reachable_hosts
from tidegate.api.app import build_app
from tidegate.api.realtime.operations import Media
from tidegate.api.services import Services
from tidegate.calls.limits import Limits as CallsLimits
from tidegate.calls.server import CallsServer
from tidegate.certificates import Certificate
from tidegate.cli.panel import show_started
from tidegate.config import Config
from tidegate.engine import EngineLoop
from tidegate.errors import TidegateError
from tidegate.http import HttpServer
from tidegate.moqt.limits import Limits
from tidegate.moqt.server import MoqServer
from tidegate.readyfile import Ready
from tidegate.store.bootstrap import Bootstrap, bootstrap, mark_shown
from tidegate.store.clock import micros
from tidegate.store.database import Store
from tidegate.store.directory import Directory, RelayRecord
from tidegate.store.sealing import Sealer
from tidegate.store.watch import Watch
from tidegate.tokens import Grant, Verifier
from tidegate.urls import Urls

log = logging.getLogger(__name__)

_GOODBYE_SECONDS = 3.0
_CERTIFICATE_CHECK_SECONDS = 2.0


def run(config: Config) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        StartError: it cannot start as it was told to, or cannot go on.
    """
    logging.basicConfig(
        level=config.log.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    uvloop.run(_serve(config))


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(config) as failed:
        failed.add_done_callback(lambda _: stop.set())
        await stop.wait()
        if failed.done():
            failed.result()


@asynccontextmanager
async def serving(config: Config) -> AsyncIterator[asyncio.Future[None]]:
    """A server that listens while the block runs; the future fails when it cannot go on."""
    async with AsyncExitStack() as stack:
        data_dir = datadir.prepare(config.data_dir)
        stack.enter_context(datadir.locked(data_dir))
        store = await Store.open(config.database_url, data_dir)
        stack.push_async_callback(store.close)
        sealer = Sealer.of(config.secret_key, data_dir)
        account = await bootstrap(
            store, sealer, account_id=config.account_id, api_token=config.api_token, now=micros()
        )
        directory = Directory()
        watch = Watch(store, directory)
        await watch.catch_up()

        shown = ShownCertificate(config, data_dir)
        rtc_certificate = certificates.make_for_webrtc(now=datetime.now(UTC))
        running = engine.start(config, shown.certificate, rtc_certificate)
        udp = HostPort(config.udp.host, running.port)
        rules = MoqServer(
            running,
            RelayAuthorizer(config, directory),
            Limits.configured(config.moq, config.limits),
            unix_offset=time.time() - asyncio.get_running_loop().time(),
        )
        calls = CallsServer(
            running,
            CallsLimits.configured(config.calls),
            candidates=candidates(config.announce, udp),
            fingerprint=bytes.fromhex(rtc_certificate.sha256),
        )
        media = EngineLoop(running, rules, calls)
        stack.push_async_callback(media.stop, _GOODBYE_SECONDS)
        stack.callback(directory.subscribe(DirectoryListener(media, rules, calls)))

        services = Services(
            config=config,
            store=store,
            directory=directory,
            watch=watch,
            sealer=sealer,
            connected=rules.connected,
            media=Media(calls, media.act),
            certificate_sha256=lambda: shown.certificate.sha256,
        )
        http = await HttpServer.start(
            build_app(services), config.http, config.http_limits, tls_files=_tls_files(config)
        )
        stack.push_async_callback(http.stop)
        stack.callback(media.act, calls.stop)
        for task in (watch.run(), shown.keep_fresh(media)):
            stack.push_async_callback(_end, asyncio.create_task(task))
        _announce(config, account, http.address, udp, shown.certificate, data_dir)
        await mark_shown(store, account)
        if config.ready_file is not None:
            stack.callback(config.ready_file.unlink, missing_ok=True)
        yield media.failed


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _announce(
    config: Config,
    account: Bootstrap,
    http: HostPort,
    udp: HostPort,
    certificate: Certificate,
    data_dir: Path,
) -> None:
    """Tells the operator, and who waits for the ready file, that everything listens."""
    https = config.tls_cert is not None
    urls = Urls.local(http, udp, announce=config.announce, https=https)
    if config.ready_file is not None:
        Ready(
            api=urls.api,
            sfu=urls.sfu,
            moq=urls.moq,
            webtransport=urls.webtransport,
            account_id=account.account_id,
            api_token=account.api_token,
            certificate_sha256=certificate.sha256,
            pid=os.getpid(),
        ).write(config.ready_file)
    show_started(
        Console(),
        account,
        urls,
        announced=Urls.announced(http, udp, announce=config.announce, https=https),
        certificate_sha256=certificate.sha256,
        data_dir=data_dir,
    )


def _tls_files(config: Config) -> tuple[Path, Path] | None:
    """The operator's certificate and key; None where we make our own."""
    if config.tls_cert is None or config.tls_key is None:
        return None
    return config.tls_cert, config.tls_key


class ShownCertificate:
    """The certificate that QUIC shows: ours, renewed in time, or the operator's, as its files are.

    Attributes:
        certificate: the one shown now.
    """

    def __init__(self, config: Config, data_dir: Path) -> None:
        self._files = _tls_files(config)
        self._hosts = reachable_hosts(config.announce, config.udp)
        self._data_dir = data_dir
        self.certificate = self._load()

    async def keep_fresh(self, media: EngineLoop) -> None:
        """Shows a new certificate whenever there is one; runs until cancelled."""
        while True:
            await asyncio.sleep(_CERTIFICATE_CHECK_SECONDS)
            try:
                certificate = self._load()
            except TidegateError as error:
                log.warning("the certificate is kept, its successor cannot be read: %s", error)
                continue
            if certificate.sha256 != self.certificate.sha256:
                self.certificate = certificate
                media.show(certificate)
                log.info("QUIC shows a new certificate, sha-256 %s", certificate.sha256)

    def _load(self) -> Certificate:
        if self._files is not None:
            return certificates.load(*self._files)
        return certificates.load_or_make(self._data_dir, self._hosts, now=datetime.now(UTC))


class RelayAuthorizer:
    """Answers the rules from the directory: what a token opens, and how a relay is set."""

    def __init__(self, config: Config, directory: Directory) -> None:
        self._directory = directory
        self._verifier = Verifier(directory, issuer=config.moq.issuer, audience=config.moq.audience)

    def verify(self, token: str, now: float) -> Grant:
        # The rules' clock stands still while the machine sleeps; tokens are dated by the wall's.
        return self._verifier.verify(token, time.time())

    def relay(self, uid: str) -> RelayRecord | None:
        return self._directory.relay(uid)


class DirectoryListener:
    """Brings what changed in the store to the sessions it concerns."""

    def __init__(self, media: EngineLoop, rules: MoqServer, calls: CallsServer) -> None:
        self._media = media
        self._rules = rules
        self._calls = calls

    def relay_changed(self, relay: RelayRecord) -> None:
        self._media.act(lambda now: self._rules.relay_changed(relay.uid, now))

    def relay_deleted(self, uid: str) -> None:
        self._media.act(lambda now: self._rules.close_relay(uid, now))

    def tokens_changed(self, uid: str, revoked: frozenset[str]) -> None:
        if revoked:
            self._media.act(lambda now: self._rules.revoke(uid, revoked, now))

    def app_deleted(self, uid: str) -> None:
        self._media.act(lambda now: self._calls.close_app(uid, now))
