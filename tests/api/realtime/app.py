"""An app to call through one of its prefixes, with the SFU's rules played by the test."""

from dataclasses import dataclass
from typing import Any

from tests.control_plane import Api, Reply
from tests.fake_calls import FakeCalls


@dataclass(frozen=True, slots=True)
class App:
    """An app of the control plane, called through one of its prefixes."""

    api: Api
    uid: str
    secret: str
    prefix: str = "/v1/apps"

    @property
    def calls(self) -> FakeCalls:
        return self.api.calls

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Sends ``body`` as JSON (bytes as they are) to a path below the app, with its secret."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        if body is None:
            content = {}
        headers = {"authorization": f"Bearer {self.secret}"} | headers
        url = f"{self.prefix}/{self.uid}{path}"
        return await self.api.http.request(method, url, headers=headers, **content)


async def created(api: Api, prefix: str = "/v1/apps") -> App:
    made = (await api.call("POST", "/calls/apps")).json()["result"]
    return App(api, made["uid"], made["secret"], prefix)
