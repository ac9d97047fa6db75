"""Captures what Firefox writes, through marionette_driver (PyPI)."""

import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from marionette_driver.marionette import Marionette
from write import write

SCENARIOS = (Path(__file__).parent / "scenarios.js").read_text()


class Empty(BaseHTTPRequestHandler):
    """A page with nothing on it, whose origin may use the microphone."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


pages = HTTPServer(("127.0.0.1", 0), Empty)
threading.Thread(target=pages.serve_forever, daemon=True).start()
browser = Marionette(
    bin=shutil.which("firefox-esr"),
    headless=True,
    app_args=["-headless"],
    prefs={
        "media.navigator.streams.fake": True,
        "media.navigator.permission.disabled": True,
        "media.devices.insecure.enabled": True,
        "media.getusermedia.insecure.enabled": True,
    },
)
browser.start_session()
try:
    browser.timeout.script = 60
    browser.navigate(f"http://localhost:{pages.server_port}/")
    found = browser.execute_async_script(
        f"{SCENARIOS}; const done = arguments[0];"
        "descriptions().then(done, (error) => done({error: String(error)}));",
        new_sandbox=False,
        sandbox=None,
    )
    if "error" in found:
        raise SystemExit(found["error"])
    write(f"firefox-{browser.session_capabilities['browserVersion'].split('.')[0]}", found)
finally:
    browser.cleanup()
