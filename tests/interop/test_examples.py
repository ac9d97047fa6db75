"""Every example does what it says."""

import asyncio
import json
import re
import secrets
import socket
import subprocess
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route

from tests.interop.clients import NODE_MODULES, PYTHON, TOOLS, running
from tests.server import Relay, Server

EXAMPLES = Path(__file__).parents[2] / "examples"
TESTED = {
    "watch.py",
    "provision.mjs",
    "player/index.html",
    "call/index.html",
    "call/serve.py",
}


def test_every_example_is_tested_here() -> None:
    found = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*") if path.is_file()}
    assert found == TESTED


@pytest.mark.foreign
async def test_watch_prints_what_arrives(relay: Relay) -> None:
    namespace = f"tour/{secrets.token_hex(4)}"
    publish = [PYTHON, "-m", "aiomoqt.tools.pub_media", relay.moqt_url(), "-k", "--pub-ns"]
    watch = [PYTHON, str(EXAMPLES / "watch.py"), relay.webtransport_url(relay.subscribe_token)]
    async with running(*publish, "-N", namespace, "-t", "30") as publishing:
        await publishing.says("publishing...")
        async with running(*watch, namespace, "5") as watching:
            lines = await watching.finishes()
    assert lines[0] == "tracks: audio"
    assert len(lines) == 6


@pytest.mark.foreign
def test_provision_makes_a_relay_and_replaces_a_token(server: Server, tmp_path: Path) -> None:
    """The SDK is looked up beside the script, as in a project of the reader's own."""
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    script = tmp_path / "provision.mjs"
    script.write_bytes((EXAMPLES / script.name).read_bytes())
    result = subprocess.run(
        ["node", script],
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "CLOUDFLARE_BASE_URL": server.api,
            "CLOUDFLARE_API_TOKEN": str(server.api_token),
            "CLOUDFLARE_ACCOUNT_ID": server.account_id,
        },
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 0, result.stderr
    shown = dict(line.split(": ") for line in result.stdout.splitlines())
    assert list(shown) == ["publisher", "viewer", "viewer, from now on"]
    assert len(set(shown.values())) == 3
    with server.cloudflare() as client:
        studios = list(client.moq.relays.list(account_id=server.account_id))
        relay = next(relay for relay in studios if relay.name == "studio")
        config = client.moq.relays.get(str(relay.uid), account_id=server.account_id)
    assert config is not None
    lingering = json.loads(config.to_json())["config"]["lingering_subscribe"]
    assert lingering == {"enabled": True, "max_timeout_ms": 60_000}


@pytest.mark.foreign
@pytest.mark.browser
@pytest.mark.slow
async def test_the_player_page_plays_what_is_published(
    relay: Relay, mp4: Path, page: Page, pages: str
) -> None:
    namespace = f"tour/{secrets.token_hex(4)}"
    shaka = NODE_MODULES / "shaka-player" / "dist" / "shaka-player.experimental.js"

    async def from_disk(route: Route) -> None:
        await route.fulfill(path=shaka)

    await page.route("https://cdn.jsdelivr.net/**", from_disk)
    publish = [PYTHON, "-m", "aiomoqt.tools.pub_media", relay.moqt_url(), "-k"]
    media = ["-N", namespace, "--packaging", "cmaf", "--mp4", str(mp4), "--loop", "-t", "60"]
    async with running(*publish, *media) as publishing:
        await publishing.says("publishing...")
        url, certificate = relay.webtransport_url(), f"{relay.http}/certificate.sha256"
        fields = f"relay={url}&namespace={namespace}&certificate={certificate}"
        await page.goto(f"{pages}/player/index.html#{fields}")
        await page.get_by_role("button", name="Watch").click()
        await page.wait_for_function(
            "/playing|error/.test(document.querySelector('output').value)",
            timeout=20_000,
        )
        assert await page.locator("output").text_content() == "playing"
        await page.wait_for_function("document.querySelector('video').currentTime > 1")


README = (EXAMPLES.parent / "README.md").read_text().split("to a video call\n")[1]
TUTORIAL = (EXAMPLES.parent / "docs" / "tutorial" / "video-call.md").read_text()


@pytest.mark.foreign
@pytest.mark.browser
@pytest.mark.parametrize("document", [README, TUTORIAL], ids=["readme", "tutorial"])
async def test_everybody_in_the_call_sees_everybody_else(
    server: Server, chromium: Browser, document: str
) -> None:
    """The commands as they stand, and the page three times."""
    typed = re.findall(r"```sh\n(.*?)```", document, re.DOTALL)[0]
    port = free_port()
    substitutions = {
        "pip install cloudflare": "",
        "ID=… CLOUDFLARE_API_TOKEN=…": "ID=$ACCOUNT_ID CLOUDFLARE_API_TOKEN=$API_TOKEN",
        "http://127.0.0.1:8080/client/v4": server.api,
        "http://127.0.0.1:8080/v1": server.sfu,
        "python examples/call/serve.py": f"exec python {EXAMPLES}/call/serve.py {port}",
    }
    for text, here in substitutions.items():
        typed = typed.replace(text, here)
    environment = {
        "PATH": f"{TOOLS}:/usr/local/bin:/usr/bin:/bin",
        "ACCOUNT_ID": server.account_id,
        "API_TOKEN": str(server.api_token),
    }
    async with running("bash", "-euc", typed, environment=environment):
        await listening(port)
        pages = [await chromium.new_page() for _ in range(3)]
        for page in pages:
            page.on("console", lambda message: print("console:", message.text))
            page.on("pageerror", lambda error: print("page error:", error))
            await page.goto(f"http://127.0.0.1:{port}")
        for page in pages:
            await page.wait_for_function(SHOWN, arg=3, timeout=40_000)
        await pages[0].close(run_before_unload=True)
        for page in pages[1:]:
            await page.wait_for_function(SHOWN, arg=2, timeout=20_000)


SHOWN = """(count) => {
    const videos = [...document.querySelectorAll("video")];
    return videos.length === count
        && videos.every(({ videoWidth, currentTime, srcObject }) =>
            videoWidth > 0 && currentTime > 1 && srcObject.getTracks().length === 2);
}"""
"""That many videos play, each with sound."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def listening(port: int) -> None:
    """Returns once somebody does."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
