"""pion, a WebRTC stack in Go: what it received is byte for byte what it sent."""

import hashlib
import itertools
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.clients import BUILD, INTEROP, running
from tests.server import App

pytestmark = pytest.mark.foreign

FRAMES = 40
"""How many of each track the subscriber prints."""


@pytest.fixture(scope="session")
def pion() -> str:
    """The client, built."""
    binary = BUILD / "pion"
    subprocess.run(["go", "build", "-o", binary, "."], cwd=INTEROP / "pion", check=True)
    return str(binary)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three seconds of VP8, a key frame each second, and of Opus, a packet a page."""
    folder = tmp_path_factory.mktemp("pion")
    video, audio = folder / "in.ivf", folder / "in.ogg"
    picture = "-f lavfi -i testsrc=size=640x360:rate=20 -t 3 -c:v libvpx -g 20 -b:v 800k"
    tone = "-f lavfi -i sine=frequency=440:sample_rate=48000 -t 3 -c:a libopus"
    paged = "-page_duration 20000"
    for command, path in [(picture, video), (f"{tone} {paged}", audio)]:
        subprocess.run(["ffmpeg", "-v", "error", *command.split(), path], check=True)
    return video, audio


@pytest.mark.parametrize("options", [[], ["-offer"]], ids=["sfu-offers", "client-offers"])
async def test_frames_arrive_as_they_were_sent(
    app: App, pion: str, media: tuple[Path, Path], options: list[str]
) -> None:
    async with running(pion, "publish", app.url, app.secret, *media) as publisher:
        await publisher.says("session ")
        session = publisher.out[0].removeprefix("session ")
        subscribe = [pion, "subscribe", *options, app.url, app.secret, session]
        async with running(*subscribe) as subscriber:
            lines = await subscriber.finishes(timeout=30)
        await publisher.finishes()
    for kind, sent in [("video", ivf_frames(media[0])), ("audio", ogg_pages(media[1]))]:
        received = [line.split()[1] for line in lines if line.startswith(kind)]
        assert len(received) == FRAMES
        assert follow_one_another(received, [hashlib.sha256(each).hexdigest() for each in sent])


def ivf_frames(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    at = 32
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        yield data[at + 12 : at + 12 + size]
        at += 12 + size


def ogg_pages(path: Path) -> Iterator[bytes]:
    """The pages after the first, which the publisher does not send (RFC 3533 §6)."""
    data = path.read_bytes()
    at, first = 0, True
    while at < len(data):
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        begin = at + 27 + len(lacing)
        at = begin + sum(lacing)
        if not first:
            yield data[begin:at]
        first = False


def follow_one_another(received: list[str], sent: list[str]) -> bool:
    """Whether ``received`` is a stretch of ``sent``, which is repeated."""
    begin = sent.index(received[0])
    expected = itertools.islice(itertools.cycle(sent), begin, begin + len(received))
    return received == list(expected)
