"""Reports a bug of ours without quoting what a peer sent."""

import logging
import sys
import traceback

log = logging.getLogger(__name__)


def report(doing: str) -> None:
    """Logs the exception being handled: its type and where it came from, not its text."""
    kind, _, trace = sys.exc_info()
    where = "".join(traceback.format_tb(trace))
    log.error("bug while %s: %s\n%s", doing, kind.__name__ if kind else "nothing", where)
