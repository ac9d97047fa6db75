"""moq-rs as a publisher or a subscriber of one track, for the interop tests.

    moq_rs.py publish|subscribe URL BROADCAST TRACK --groups N --frames N --size N

The publisher waits until somebody subscribes, so that the first group is not lost, and stays until
its standard input closes.
"""

import argparse
import asyncio
import sys

import moq
from payloads import payload, show


async def publish(client: moq.Client, args: argparse.Namespace) -> None:
    broadcast = client.create_broadcast(args.broadcast)
    track = broadcast.publish_track(args.track)
    broadcast.announce()
    print("announced", file=sys.stderr, flush=True)
    await track.used()
    # Its answer to the SUBSCRIBE must leave before the first frame exists: what exists then is
    # history, which a subscriber has to fetch.
    await asyncio.sleep(0.5)
    for sequence in range(args.groups):
        group = track.append_group()
        for frame in range(args.frames):
            data = payload(sequence, frame, args.size)
            group.write_frame(data, timestamp_us=(sequence * args.frames + frame) * 10_000)
            show(group.sequence, frame, data)
            await asyncio.sleep(0.01)
        group.finish()
    track.finish()
    await asyncio.to_thread(sys.stdin.read)
    broadcast.close()


async def subscribe(client: moq.Client, args: argparse.Namespace) -> None:
    broadcast = await client.announced_broadcast(args.broadcast)
    track = await broadcast.subscribe_track(args.track)
    for _ in range(args.groups):
        group = await track.next_group()
        if group is None:
            break
        frame = 0
        while (got := await group.read_frame()) is not None:
            show(group.sequence, frame, got.payload)
            frame += 1


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["publish", "subscribe"])
    parser.add_argument("url")
    parser.add_argument("broadcast")
    parser.add_argument("track")
    parser.add_argument("--groups", type=int, default=5)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--size", type=int, default=10_000)
    args = parser.parse_args()
    async with moq.connect(args.url, tls_verify=False, websocket_enabled=False) as client:
        await {"publish": publish, "subscribe": subscribe}[args.role](client, args)


asyncio.run(main())
