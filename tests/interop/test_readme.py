"""The README's tour, typed as it stands."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.interop.clients import TOOLS
from tests.server import Server

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

# What stands for the reader's machine: the environment is there already, the server too, and
# what runs in the background ends with the terminal.
TERMINAL = """
set -eu
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
make() { :; }
pip() { :; }
python3.12() { mkdir -p tour/bin && touch tour/bin/activate; }
"""


def tour(server: Server) -> str:
    """The tour's commands, with this server's addresses and what it showed to its operator."""
    section = README.split("## From a clone to watching")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert blocks[0] == "make serve\n"
    script = "".join(blocks)
    substitutions = {
        "ACCOUNT_ID=… API_TOKEN=…": f"ACCOUNT_ID={server.account_id} API_TOKEN={server.api_token}",
        "http://127.0.0.1:8080/client/v4": server.api,
        "moqt://127.0.0.1:4443": server.moq.rstrip("/"),
        "https://127.0.0.1:4443": server.webtransport.rstrip("/"),
        "examples/": f"{ROOT}/examples/",
    }
    for typed, here in substitutions.items():
        assert typed in script, f"the tour no longer says {typed!r}"
        script = script.replace(typed, here)
    return script


@pytest.mark.foreign
def test_the_tour_ends_with_objects_arriving(server: Server, tmp_path: Path) -> None:
    terminal = subprocess.run(
        ["bash", "-c", TERMINAL + tour(server)],
        cwd=tmp_path,
        env={"PATH": f"{TOOLS}:/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert terminal.returncode == 0, terminal.stdout + terminal.stderr
    assert "tracks: audio" in terminal.stdout
    assert len(re.findall(r"audio: group \d+, \d+ bytes", terminal.stdout)) == 50


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
