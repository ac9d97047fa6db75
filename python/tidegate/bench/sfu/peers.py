"""Other projects' SFUs, as this machine has them."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from tidegate.bench.processes import free_port, free_tcp_port, is_listening, process, wait
from tidegate.bench.sfu.janus import Janus
from tidegate.bench.sfu.servers import Server, Target
from tidegate.errors import BenchError

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


_LIVEKIT_MODULE = "github.com/livekit/livekit-server/cmd/server"
_LIVEKIT_VERSION = "v1.13.5"

_LIVEKIT = """
port: {port}
bind_addresses: ["127.0.0.1"]
keys: {{ {key}: {secret} }}
logging: {{ level: warn }}
rtc:
  udp_port: {udp_port}
  tcp_port: 0
  node_ip: 127.0.0.1
  use_external_ip: false
  use_ice_lite: true
  enable_loopback_candidate: true
  interfaces: {{ includes: [lo] }}
"""


def cache() -> Path:
    """Where peers are built: ``TIDEGATE_PEERS``, or in the user's cache."""
    given = os.environ.get("TIDEGATE_PEERS")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else home / "tidegate" / "peers"


def build(say: Callable[[str], object]) -> None:
    """Builds LiveKit through the Go module proxy where there is Go, once.

    Args:
        say: told when it begins, as it takes minutes.

    Raises:
        BenchError: it does not build.
    """
    go = shutil.which("go")
    if go is None or _livekit_program().exists():
        return
    folder = _livekit_program().parent
    folder.mkdir(parents=True, exist_ok=True)
    say(f"building LiveKit {_LIVEKIT_VERSION} into {folder}: seven minutes, once")
    command = [go, "install", f"{_LIVEKIT_MODULE}@{_LIVEKIT_VERSION}"]
    environ = os.environ | {"GOBIN": str(folder)}
    built = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        lines = built.stderr.splitlines()
        raise BenchError(f"LiveKit does not build: {lines[-1] if lines else 'no word'}")


def peers() -> list[Server]:
    """Those that are installed."""
    found = []
    livekit = _livekit_program()
    if livekit.exists() and find_spec("livekit") and find_spec("websockets"):
        found.append(_livekit(livekit))
    janus, libraries = shutil.which("janus"), _janus_libraries()
    if janus is not None and libraries is not None:
        found.append(_janus(janus, libraries))
    return found


def _livekit_program() -> Path:
    return cache() / "livekit" / "bin" / "server"


def _livekit(program: Path) -> Server:
    # Its client's packages are for measuring only, and not everybody has them.
    from tidegate.bench.sfu.livekit import KEY, LiveKit, new_secret

    def start(directory: Path) -> Iterator[Target]:
        port, udp_port, secret = free_tcp_port(), free_port(), new_secret()
        config = directory / "config.yaml"
        config.write_text(_LIVEKIT.format(port=port, udp_port=udp_port, key=KEY, secret=secret))
        with process([str(program), "--config", str(config)], directory, dict(os.environ)) as run:
            wait(run, directory, lambda: is_listening(port))
            yield Target(run.pid, partial(LiveKit.room, f"ws://127.0.0.1:{port}", secret))

    return Server("LiveKit", _LIVEKIT_VERSION.removeprefix("v"), start)


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
    version = re.search(r"\((\d[\d.]*)\)", said.stdout + said.stderr)
    return Server("Janus", version[1] if version else "?", start)


def _janus_libraries() -> Path | None:
    found = (path for root in _JANUS_LIBRARIES for path in root.glob("*/janus"))
    return next((path for path in found if (path / "plugins").is_dir()), None)


def _others(folder: Path, wanted: str) -> str:
    return ",".join(sorted(path.name for path in folder.glob("*.so") if path.name != wanted))
