"""The control plane behind a real socket, without a media side, for tests of every folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tidegate.addresses import HostPort
from tidegate.api.app import build_app
from tidegate.api.realtime.operations import Media
from tidegate.api.services import Services
from tidegate.config import Config
from tidegate.http import HttpServer
from tidegate.store import api_tokens
from tidegate.store.api_tokens import Permission
from tidegate.store.bootstrap import bootstrap
from tidegate.store.clock import micros
from tidegate.store.database import Store
from tidegate.store.directory import Directory
from tidegate.store.sealing import Sealer
from tidegate.store.watch import Watch
from tidegate.tokens import Grant, Verifier

from tests.fake_calls import FakeCalls

ACCOUNT = "0123456789abcdef0123456789abcdef"
API_TOKEN = "an-api-token-for-tests"
SHA256 = "ab" * 32

Reply = httpx.Response


@dataclass
class Api:
    """A running control plane: ``call`` it, and look at what the media side would see.

    Attributes:
        calls: what stands for the SFU's rules.
        connected: uids of relays that pretend to have a session.
    """

    services: Services
    url: str
    http: httpx.AsyncClient
    verifier: Verifier
    calls: FakeCalls
    connected: set[str] = field(default_factory=set)

    @property
    def account_url(self) -> str:
        return f"/client/v4/accounts/{ACCOUNT}"

    async def call(self, method: str, path: str, body: Any = None, **params: Any) -> Reply:
        """Sends ``body`` as JSON (bytes as they are) to a path below the account."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        if body is None:
            content = {}
        return await self.http.request(method, self.account_url + path, params=params, **content)

    async def create_relay(self, name: str = "test") -> dict[str, Any]:
        reply = await self.call("POST", "/moq/relays", {"name": name})
        assert reply.status_code == 201, reply.text
        result: dict[str, Any] = reply.json()["result"]
        return result

    async def token_with(self, *permissions: Permission) -> str:
        """A new API token that may do only this."""
        async with self.services.store.writing() as db:
            _, secret = await api_tokens.create(
                db, "test", account_id=ACCOUNT, permissions=permissions, now=micros()
            )
        return secret

    def opens(self, token: str) -> Grant:
        return self.verifier.verify(token, micros() / 1e6)


@asynccontextmanager
async def running_api(store: Store, config: Config, data_dir: Path) -> AsyncIterator[Api]:
    sealer = Sealer.of("", data_dir)
    directory = Directory()
    watch = Watch(store, directory)
    await bootstrap(store, sealer, account_id=ACCOUNT, api_token=API_TOKEN, now=micros())
    await watch.catch_up()
    connected: set[str] = set()
    calls = FakeCalls()
    services = Services(
        config=config,
        store=store,
        directory=directory,
        watch=watch,
        sealer=sealer,
        connected=connected.__contains__,
        media=Media(calls, lambda change: change(0.0)),
        certificate_sha256=lambda: SHA256,
    )
    server = await HttpServer.start(
        build_app(services), HostPort("127.0.0.1", 0), config.http_limits
    )
    url = f"http://{server.address}"
    headers = {"authorization": f"Bearer {API_TOKEN}"}
    verifier = Verifier(directory, issuer=config.moq.issuer, audience=config.moq.audience)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
        yield Api(services, url, http, verifier, calls, connected)
    await server.stop()
