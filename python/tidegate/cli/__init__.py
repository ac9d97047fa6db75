"""The command line: one file per command, each imported only when it is called."""

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

import tidegate
from tidegate.errors import StartError

app = App(
    name="tidegate",
    help="A realtime media cloud that you run yourself.",
    version=tidegate.__version__,
    result_action="return_value",
)
app.command("tidegate.cli.serve:serve", name="serve", help="Run a server.")
app.command("tidegate.cli.token:app", name="token", help="Manage API tokens and signing keys.")
app.command("tidegate.cli.bench:app", name="bench", help="Measure a relay.")


def main(words: Sequence[str] | None = None) -> None:
    """Runs a command, by default that of ``sys.argv``.

    What the operator can put right is one line on stderr and exit status 2.
    """
    try:
        app(sys.argv[1:] if words is None else words, exit_on_error=False, print_error=False)
    except (StartError, CycloptsError) as error:
        problem = " ".join(str(error).split())
        sys.stderr.write(f"tidegate: {problem}\n")
        sys.exit(2)
