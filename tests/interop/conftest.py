"""What the foreign clients need besides a relay: real media, and a page in a browser."""

import functools
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.impairment import BadNetwork, bad_network
from tests.interop.clients import INTEROP, NODE_MODULES
from tests.server import Server, running_server

ROOT = INTEROP.parents[1]


@pytest.fixture(scope="session")
def mp4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a test picture and a tone, H.264 and AAC, a key frame each second."""
    path = tmp_path_factory.mktemp("media") / "in.mp4"
    picture = "-f lavfi -i testsrc=size=320x180:rate=25"
    tone = "-f lavfi -i sine=frequency=440:sample_rate=48000"
    codecs = "-c:v libx264 -profile:v baseline -pix_fmt yuv420p -g 25 -c:a aac -b:a 64k"
    command = f"ffmpeg -v error {picture} {tone} -t 4 {codecs}".split()
    subprocess.run([*command, path], check=True)
    return path


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Requests are not worth a line in the tests' output."""


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serves ``pages/`` and the example player from a loopback address, a secure context."""
    root = tmp_path_factory.mktemp("pages")
    shutil.copytree(INTEROP / "pages", root, dirs_exist_ok=True)
    shutil.copytree(ROOT / "examples" / "player", root / "player")
    for script in root.glob("*.js"):
        bundle = ["--bundle", "--format=esm", "--log-level=error", "--allow-overwrite"]
        esbuild = NODE_MODULES / ".bin" / "esbuild"
        subprocess.run(
            [esbuild, script, *bundle, f"--outfile={script}"],
            env={"NODE_PATH": str(NODE_MODULES), "PATH": "/usr/bin:/bin:/usr/local/bin"},
            check=True,
        )
    shutil.copy(NODE_MODULES / "shaka-player" / "dist" / "shaka-player.experimental.js", root)
    handler = functools.partial(_QuietHandler, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window, with a camera and a microphone that play a test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
        )
        yield browser
        await browser.close()


@pytest.fixture
async def page(chromium: Browser) -> Page:
    """An empty page; what its console says is printed with a failing test."""
    page = await chromium.new_page()
    page.on("console", lambda message: print("console:", message.text))
    page.on("pageerror", lambda error: print("page error:", error))
    return page


@pytest.fixture
def network() -> Iterator[BadNetwork]:
    """A network that is perfect until a test makes it worse."""
    with bad_network(seed=7) as running:
        yield running


@pytest.fixture
def behind(network: BadNetwork, tmp_path: Path) -> Iterator[Server]:
    """A server whose only candidate is the network's port."""
    with running_server(tmp_path, {"TIDEGATE_ANNOUNCE": f"127.0.0.1:{network.port}"}) as server:
        port = urlsplit(server.webtransport).port
        assert port
        network.forward_to(port)
        yield server
