"""Watches a broadcast with moq-rs: its catalog, and what arrives of each of its tracks.

    python examples/watch.py https://127.0.0.1:4443/TOKEN NAMESPACE [OBJECTS]

Ends after OBJECTS objects, 50 unless told.
"""

import asyncio
import json
import sys

import moq


async def main(url: str, namespace: str, objects: int) -> None:
    # The server's certificate is its own: without a name of its own there is nobody to sign it.
    async with moq.connect(url, tls_verify=False, websocket_enabled=False) as client:
        broadcast = await client.announced_broadcast(namespace)
        catalog = await broadcast.subscribe_track("catalog")
        first = await catalog.read_frame()
        assert first is not None, "the broadcast ended"
        names = [track["name"] for track in json.loads(first.payload)["tracks"]]
        print("tracks:", ", ".join(names))

        async def watch(name: str) -> None:
            async for group in await broadcast.subscribe_track(name):
                async for frame in group:
                    arrived.put_nowait(
                        f"{name}: group {group.sequence}, {len(frame.payload)} bytes"
                    )

        arrived: asyncio.Queue[str] = asyncio.Queue()
        watching = [asyncio.create_task(watch(name)) for name in names]
        for _ in range(objects):
            print(await arrived.get())
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 50))
