"""The load generator's process: a plan on standard input, progress and the report as JSON lines."""

import sys

from tidegate._engine import run_load


def main() -> None:
    """Carries out one plan."""
    try:
        report = run_load(sys.stdin.read(), lambda progress: print(progress, flush=True))
    except RuntimeError as error:
        sys.exit(str(error))
    print(report, flush=True)


if __name__ == "__main__":
    main()
