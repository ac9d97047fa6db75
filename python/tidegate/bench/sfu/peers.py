"""Other projects' SFUs, as this machine has them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tidegate.bench.processes import free_tcp_port, is_listening, process, wait
from tidegate.bench.sfu.janus import Janus
from tidegate.bench.sfu.servers import Server, Target

_JANUS_LIBRARIES = (Path("/usr/lib"), Path("/usr/local/lib"))

_JANUS = """
general: {{
  configs_folder = "{directory}"
  plugins_folder = "{libraries}/plugins"
  transports_folder = "{libraries}/transports"
  debug_level = 3
}}
nat: {{ ice_lite = true, ice_enforce_list = "lo" }}
media: {{ rtp_port_range = "20000-40000" }}
plugins: {{ disable = "{others}" }}
transports: {{ disable = "{transports}" }}
"""

_JANUS_HTTP = """
general: {{ base_path = "/janus", http = true, ip = "127.0.0.1", port = {port}, https = false }}
admin: {{ admin_http = false, admin_https = false }}
"""


def peers() -> list[Server]:
    """Those that are installed."""
    found = []
    janus, libraries = shutil.which("janus"), _janus_libraries()
    if janus is not None and libraries is not None:
        found.append(_janus(janus, libraries))
    return found


def _janus(program: str, libraries: Path) -> Server:
    def start(directory: Path) -> Iterator[Target]:
        port = free_tcp_port()
        others = _others(libraries / "plugins", "libjanus_videoroom.so")
        transports = _others(libraries / "transports", "libjanus_http.so")
        (directory / "janus.jcfg").write_text(
            _JANUS.format(
                directory=directory, libraries=libraries, others=others, transports=transports
            )
        )
        (directory / "janus.transport.http.jcfg").write_text(_JANUS_HTTP.format(port=port))
        command = [program, "-F", str(directory), "-C", str(directory / "janus.jcfg")]
        with process(command, directory, dict(os.environ)) as started:
            wait(started, directory, lambda: is_listening(port))
            yield Target(started.pid, partial(Janus.room, f"http://127.0.0.1:{port}/janus"))

    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    words = (said.stdout + said.stderr).split()
    version = next((word for word in words if word[0].isdigit()), "?")
    return Server("Janus", version, start)


def _janus_libraries() -> Path | None:
    found = (path for root in _JANUS_LIBRARIES for path in root.glob("*/janus"))
    return next((path for path in found if (path / "plugins").is_dir()), None)


def _others(folder: Path, wanted: str) -> str:
    return ",".join(sorted(path.name for path in folder.glob("*.so") if path.name != wanted))
