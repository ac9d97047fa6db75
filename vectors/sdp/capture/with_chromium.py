"""Captures what Debian's Chromium writes, through Playwright."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright
from write import write

SCENARIOS = (Path(__file__).parent / "scenarios.js").read_text()

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=[
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
        ],
    )
    page = browser.new_context().new_page()
    page.route("**/*", lambda route: route.fulfill(content_type="text/html", body=""))
    page.goto("http://localhost/")
    found = page.evaluate(f"async () => {{ {SCENARIOS}; return await descriptions(); }}")
    write(f"chromium-{browser.version.split('.')[0]}", found)
    browser.close()
