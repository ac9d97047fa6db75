"""``tidegate bench``: figures of this server, or of any other."""

from cyclopts import App

from tidegate.cli.bench.relay import relay
from tidegate.cli.bench.sfu import sfu

app = App(name="bench", help="Measure servers with the native load generator.")
app.command(relay)
app.command(sfu)
