"""aiomoqt's media tools: real video and audio through the relay, across drafts and transports."""

import re
import secrets
import subprocess
from pathlib import Path

import pytest

from tests.interop.clients import PYTHON, running
from tests.server import Relay, Transport

pytestmark = pytest.mark.foreign

FILES = {"loc": ("video.h264", "audio.aac"), "cmaf": ("video.mp4", "audio.mp4")}


def decoded(path: Path) -> list[str]:
    """The MD5 of each decoded picture or piece of sound; any complaint of the decoder fails."""
    command = f"ffmpeg -v error -xerror -i {path} -f framemd5 -".split()
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return [line.rsplit(",", 1)[1].strip() for line in result.stdout.splitlines() if line[0] != "#"]


def pictures(mp4: Path, directory: Path) -> set[str]:
    """The MD5 of each picture of the source."""
    alone = directory / "source.mp4"
    subprocess.run(f"ffmpeg -v error -i {mp4} -an -c copy {alone}".split(), check=True)
    return set(decoded(alone))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("publisher", "subscriber"),
    [((14, "quic"), (16, "webtransport")), ((16, "webtransport"), (14, "quic"))],
    ids=["14-to-16", "16-to-14"],
)
@pytest.mark.parametrize("packaging", ["loc", "cmaf"])
async def test_real_media_arrives_and_decodes(
    relay: Relay,
    mp4: Path,
    tmp_path: Path,
    packaging: str,
    publisher: tuple[int, Transport],
    subscriber: tuple[int, Transport],
) -> None:
    namespace = f"tide/{secrets.token_hex(4)}"

    def tool(name: str, end: tuple[int, Transport], token: str) -> list[str]:
        draft, transport = end
        url = relay.url(transport, token)
        options = f"-k --draft {draft} -N {namespace} --packaging {packaging}".split()
        return [PYTHON, "-m", f"aiomoqt.tools.{name}", url, *options]

    source = tool("pub_media", publisher, relay.publish_token)
    sink = tool("sub_media", subscriber, relay.subscribe_token)
    async with running(*source, "--mp4", mp4, "--loop", "-t", "30", "--stats", "0") as publishing:
        await publishing.says("publishing...")
        # Receives for its duration and 5 s more.
        async with running(*sink, "--out", tmp_path / "out", "-t", "1") as receiving:
            await receiving.finishes()

    said = "\n".join([*receiving.out, *receiving.err])
    assert re.findall(r"(audio|video): \d+ frames, (\d+) rejected", said) == [
        ("audio", "0"),
        ("video", "0"),
    ]
    video, audio = (decoded(tmp_path / "out" / name) for name in FILES[packaging])
    assert len(video) > 4 * 25
    assert set(video) <= pictures(mp4, tmp_path)
    assert len(audio) > 4 * 48000 / 1024
