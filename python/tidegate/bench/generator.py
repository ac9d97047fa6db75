"""The load generator's process: told on standard input, telling JSON lines."""

import os
import sys


def command() -> list[str]:
    """What starts one.

    ``TIDEGATE_LOAD`` names a binary that was built by itself, which spares the extension module
    while the generator is worked on.
    """
    binary = os.environ.get("TIDEGATE_LOAD")
    return [binary] if binary else [sys.executable, "-m", "tidegate.bench.generator"]


def main() -> None:
    """Carries out what it is told."""
    from tidegate._engine import run_load

    try:
        run_load()
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
