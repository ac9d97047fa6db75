"""The compiled module is what its stub says."""

import subprocess
import sys
from pathlib import Path

ALIASES = [
    "Codec",
    "DrainReason",
    "Encoding",
    "Event",
    "FetchStatus",
    "FilterKind",
    "Location",
    "LostReason",
    "Mapping",
    "PayloadType",
]
"""Names that exist for type checkers alone."""


def test_the_stub_describes_the_compiled_module(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("".join(f"tidegate._engine.{name}\n" for name in ALIASES))
    checked = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "tidegate._engine", "--allowlist", str(allowed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
