"""tidegate.bench.sfu.peers: each one that this machine has is driven as ours is."""

import pytest
from tidegate.bench.sfu.modes import MODES, Bench, Settings
from tidegate.bench.sfu.peers import peers
from tidegate.bench.sfu.servers import Server

FOUND = {peer.name: peer for peer in peers()}


@pytest.mark.foreign
@pytest.mark.parametrize("name", ["LiveKit", "Janus"])
def test_a_video_reaches_its_subscribers(name: str) -> None:
    if name not in FOUND:
        pytest.skip(f"{name} is not installed")
    server: Server = FOUND[name]
    settings = Settings(seconds=0.5, subscribers=3, frames_per_second=50)
    figures = MODES["custom"](Bench(server, settings, lambda _title, _now: None))
    assert figures["custom, loss %"] == 0
    assert figures["custom, CPU µs per copy"] > 0
