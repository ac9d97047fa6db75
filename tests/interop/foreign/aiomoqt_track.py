"""aiomoqt as a publisher or a subscriber of one track, for the interop tests.

    aiomoqt_track.py publish|subscribe URL NAMESPACE TRACK --draft N

The publisher announces its namespace (or, with --push, publishes the track unasked), sends once
somebody takes objects, ends the track, and stays until its standard input closes. The subscriber
stops at the end of the track, or after --until objects: aiomoqt does not say the end of a track
that it published unasked with its first request.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from aiomoqt.client import MOQTClient
from aiomoqt.delivery import StreamMapping
from aiomoqt.track import PublishedTrack, SubscribedTrack
from aiomoqt.types import FilterType
from aiomoqt.utils.url import parse_relay_url
from payloads import payload, show


class NumberedTrack(PublishedTrack):
    """Groups of objects, each with two properties that no document knows."""

    def __init__(self, session: Any, args: argparse.Namespace) -> None:
        super().__init__(session, args.namespace, args.track)
        self.args = args
        self.mapping = StreamMapping[args.mapping]

    async def produce(self, out: Any) -> None:
        for group in range(self.args.groups):
            for number in range(self.args.objects):
                data = payload(group, number, self.args.size)
                extra: Mapping[int, int | bytes] = {0x1A2C: group * 1000 + number, 0x1A2D: b"odd"}
                await out.write(group, number, data, extensions=extra, group_start=number == 0)
                show(group, number, data, extra)
                # No faster than a subscriber in Python reads: a relay drops what one cannot take.
                await asyncio.sleep(max(0.01, len(data) / 6e6))


async def publish(session: Any, args: argparse.Namespace) -> None:
    track = NumberedTrack(session, args)
    await track.publish(announce_namespace=not args.push, publish_track=args.push)
    print("ready", file=sys.stderr, flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def subscribe(session: Any, args: argparse.Namespace) -> None:
    arrived = 0
    enough = asyncio.Event()

    def on_object(message: Any, size: int, at: int, group: int | None = None, *_: Any) -> None:
        where = group if group is not None else message.group_id
        if message.payload:  # an end-of-group marker has none
            show(where, message.object_id, bytes(message.payload), message.extensions)
            nonlocal arrived
            arrived += 1
            if arrived == args.until:
                enough.set()

    track = SubscribedTrack(session, args.namespace, args.track, on_object=on_object)
    await track.subscribe(filter_type=FilterType.LATEST_OBJECT)
    print("ready", file=sys.stderr, flush=True)
    ends = [asyncio.create_task(track.wait_closed()), asyncio.create_task(enough.wait())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    print("done", track.publish_done, file=sys.stderr, flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["publish", "subscribe"])
    parser.add_argument("url")
    parser.add_argument("namespace")
    parser.add_argument("track")
    parser.add_argument("--draft", type=int, required=True)
    parser.add_argument("--push", action="store_true", help="PUBLISH, do not announce")
    parser.add_argument("--mapping", choices=[m.name for m in StreamMapping], default="PER_GROUP")
    parser.add_argument("--groups", type=int, default=5)
    parser.add_argument("--objects", type=int, default=10)
    parser.add_argument("--until", type=int, default=0)
    parser.add_argument("--size", type=int, default=10_000)
    args = parser.parse_args()
    relay = parse_relay_url(args.url)
    client = MOQTClient(
        relay.host,
        relay.port,
        path=relay.path,
        use_quic=relay.use_quic,
        verify_tls=False,
        supported_drafts=args.draft,
    )
    async with client.connect() as session:
        await session.client_session_init()
        await {"publish": publish, "subscribe": subscribe}[args.role](session, args)
        session.close()


asyncio.run(main())
