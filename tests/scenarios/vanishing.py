"""A publisher to kill: ``vanishing.py URL DRAFT NAMESPACE`` says "ready" when its track is taken.

It sends a group every 50 ms, and never says goodbye.
"""

import asyncio
import itertools
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tidegate.moqt.version import Draft

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def publishing(url: str, draft: Draft, namespace: str) -> AsyncIterator[Process]:
    """Such a publisher, ready; it is killed when the block is left, if not before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, url, str(draft.value), namespace, stdout=PIPE
    )
    try:
        assert process.stdout is not None
        said = await asyncio.wait_for(process.stdout.readline(), 20)
        assert said == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _publish(url: str, draft: int, namespace: str) -> None:
    sys.path.insert(0, str(ROOT))
    from tests.scenarios.peer import PROFILES, Peers, subgroup

    profile = next(each for each in PROFILES if each.draft == draft)
    async with Peers.opened() as peers:
        peer = await peers.enter(url, profile)
        await peer.publish(namespace)
        print("ready", flush=True)
        for group in itertools.count():
            peer.open_data(subgroup(1, group, b"picture"), fin=True)
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(_publish(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
