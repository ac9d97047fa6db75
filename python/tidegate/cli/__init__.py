"""The command line: one file per command, each imported only when it is called."""

import sys

from cyclopts import App, CycloptsError

import tidegate
from tidegate.errors import StartError

app = App(
    name="tidegate",
    help="A realtime media cloud that you run yourself.",
    version=tidegate.__version__,
)
app.command("tidegate.cli.serve:serve", name="serve", help="Run a server.")
app.command("tidegate.cli.token:app", name="token", help="Manage API tokens and signing keys.")
app.command("tidegate.cli.bench:app", name="bench", help="Measure a relay.")


def main() -> None:
    """Runs the command of ``sys.argv``; what the operator can put right is one line and exit status
    2.
    """
    try:
        app(exit_on_error=False, print_error=False)
    except (StartError, CycloptsError) as error:
        problem = " ".join(str(error).split())
        sys.stderr.write(f"tidegate: {problem}\n")
        sys.exit(2)
