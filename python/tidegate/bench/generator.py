"""The load generator's process: told on standard input, telling JSON lines."""

import sys

from tidegate._engine import run_load


def main() -> None:
    """Carries out one plan."""
    try:
        run_load()
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
