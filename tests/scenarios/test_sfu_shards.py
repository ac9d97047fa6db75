"""Whichever shards the kernel gives a publisher and its subscribers to, media flows."""

from pathlib import Path

from tidegate.bench.sfu.calls import Calls
from tidegate.bench.sfu.frames import AUDIO
from tidegate.bench.sfu.load import Load

from tests.scenarios.conftest import observed_server

PUBLISHERS = SUBSCRIBERS = 8
"""So many that all of them are on one shard once in 30,000 runs."""


async def test_subscribers_get_the_tracks_of_every_shard(tmp_path: Path) -> None:
    with observed_server(tmp_path, {"TIDEGATE_SHARDS": "2"}) as watched:
        app = watched.server.create_app()
        async with (
            Load.started(PUBLISHERS + SUBSCRIBERS) as load,
            Calls.room(app.url, app.secret) as room,
        ):
            load.pace(AUDIO, 50)
            for number in range(PUBLISHERS):
                await room.publish(load, [number], video=False)
            for _ in range(SUBSCRIBERS):
                await load.flowing(await room.subscribe(load, range(PUBLISHERS)))
            report = await load.run(2.0)
            shards = watched.shards()
        assert all(shard["rtc_sessions"] > 0 for shard in shards)
        # What another shard publishes has a place here too.
        assert all(shard["rtc_tracks"] == PUBLISHERS for shard in shards)
        assert sum(shard["rtp_feed_lost"] for shard in shards) == 0
        assert report.delivered == report.expected >= 2 * 50 * PUBLISHERS * SUBSCRIBERS * 0.9
        assert not any(report.odd.values())
