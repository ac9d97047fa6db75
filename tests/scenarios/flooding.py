"""A peer without mercy: ``flooding.py URL NAMESPACE`` asks and takes back, as fast as it may.

It says "ready" when the flood has begun; when its standard input closes it prints how many
subscriptions it asked for, and leaves.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
AT_ONCE = 64


@dataclass
class Flood:
    """How a flood went; ``asked`` is known when it is over."""

    asked: int = 0


@asynccontextmanager
async def flooding(url: str, namespace: str) -> AsyncIterator[Flood]:
    """Valid SUBSCRIBE and UNSUBSCRIBE from a process of its own, as long as the block runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, url, namespace, stdin=PIPE, stdout=PIPE
    )
    flood = Flood()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"
        yield flood
        process.stdin.close()
        flood.asked = int(await asyncio.wait_for(process.stdout.readline(), 20))
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _flood(url: str, namespace: str) -> None:
    sys.path.insert(0, str(ROOT))
    from tidegate.moqt import messages
    from tidegate.moqt.subscription import LARGEST_OBJECT

    from tests.scenarios.peer import Peers, track

    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    async with Peers.opened() as peers:
        peer = await peers.connect(url)
        peer.setup()
        setup = await peer.hears(messages.ServerSetup)
        granted, asked = setup.options.max_request_id, 0

        def grant() -> bool:
            nonlocal granted
            for message in peer.heard:
                if isinstance(message, messages.MaxRequestId):
                    granted = message.maximum
            peer.heard.clear()
            return 2 * asked < granted

        print("ready", flush=True)
        while not over.done():
            await peer.until(grant)
            for _ in range(min(AT_ONCE, (granted - 2 * asked) // 2)):
                request_id = 2 * asked
                wanted = track(namespace, "video")
                peer.say(messages.Subscribe(request_id, wanted, filter=LARGEST_OBJECT))
                peer.say(messages.Unsubscribe(request_id))
                asked += 1
            await asyncio.sleep(0)
    print(asked, flush=True)


if __name__ == "__main__":
    asyncio.run(_flood(sys.argv[1], sys.argv[2]))
