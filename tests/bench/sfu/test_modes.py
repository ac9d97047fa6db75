"""tidegate.bench.sfu.modes: short runs against this project's server."""

import pytest
from tidegate.bench.comparison import Progress
from tidegate.bench.sfu.modes import MODES, Bench, Settings
from tidegate.bench.sfu.servers import Server, tidegate


@pytest.fixture(scope="module")
def server() -> Server:
    return tidegate(shards=2)


def test_every_copy_of_a_video_arrives(server: Server) -> None:
    seen: list[str] = []

    def watch(_title: str, now: Progress) -> None:
        seen.append(now.phase)

    settings = Settings(seconds=0.5, subscribers=5, publishers=2, frames_per_second=50)
    figures = MODES["custom"](Bench(server, settings, watch))
    assert figures["custom, loss %"] == 0
    assert figures["custom, packets per CPU-second"] > 10_000
    assert 0 < figures["custom, delay p50 ms"] < 100
    assert {"join", "run"} <= set(seen)


def test_audio_under_one_profile_arrives(server: Server) -> None:
    settings = Settings(
        seconds=0.5,
        subscribers=3,
        frames_per_second=50,
        packets=1,
        size=100,
        video=False,
        profile="aes_cm_128_hmac_sha1_80",
    )
    figures = MODES["custom"](Bench(server, settings, lambda _title, _now: None))
    assert figures["custom, loss %"] == 0
