"""tidegate.bench.sfu.peers: each one that this machine has is driven as ours is.

Testing installs Janus; LiveKit is there where a bench has built it.
"""

import pytest
from tidegate.bench.sfu.modes import MODES, Bench, Settings
from tidegate.bench.sfu.peers import peers

PEERS = {peer.name: peer for peer in peers()}


def test_janus_is_among_the_peers() -> None:
    assert "Janus" in PEERS


@pytest.mark.foreign
@pytest.mark.parametrize("name", sorted(PEERS))
def test_a_video_reaches_its_subscribers(name: str) -> None:
    settings = Settings(seconds=0.5, subscribers=3, frames_per_second=50)
    figures = MODES["custom"](Bench(PEERS[name], settings, lambda _title, _now: None))
    assert figures["custom, loss %"] < 50
    assert figures["custom, CPU µs per copy"] > 0
