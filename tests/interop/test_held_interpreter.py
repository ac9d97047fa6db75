"""Pictures and sound go on while the server's Python stands still."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.interop.calls import opened, peer
from tests.scenarios.conftest import observed_server

pytestmark = [pytest.mark.foreign, pytest.mark.browser, pytest.mark.slow]

HELD_SECONDS = 10


async def test_nobody_sees_or_hears_that_the_interpreter_is_held(
    tmp_path: Path, chromium: Browser, pages: str
) -> None:
    with observed_server(tmp_path) as watched:
        app = watched.server.create_app()
        page = await opened(chromium, pages)
        publisher, subscriber = await peer(page, app), await peer(page, app)
        video, audio = await subscriber.pull(await publisher.push({"video": True, "audio": True}))
        await subscriber.flows([video, audio])
        before = await subscriber.received()
        assert watched.ask(f"hold {HELD_SECONDS}") == "held"
        longest = await subscriber.longest_freeze(video, HELD_SECONDS - 1)
        after = await subscriber.received()
        assert watched.next_answer() == "let go"
        assert longest < 0.5
        samples = after[audio]["samples"] - before[audio]["samples"]
        assert (after[audio]["concealed"] - before[audio]["concealed"]) / samples < 0.02
