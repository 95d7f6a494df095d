"""A headless Chromium for pages on the disk, which notes all that a page should not do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; skips where it is missing, but not in CI."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing: run `apt-get install chromium`")
        pytest.skip("Chromium is not installed")
    # What a page does at once takes seconds where other tests use all processors.
    expect.set_options(timeout=30_000)
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--no-first-run", *quiet]
        )
        yield browser
        browser.close()


class Visit:
    """A page that is open, and what it did: requests, complaints, dialogs."""

    def __init__(self, browser: Browser, **context: Any) -> None:
        self.page: Page = browser.new_context(**{"viewport": DESKTOP, **context}).new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("dialog", self._dialog)

    def open(self, path: Path, fragment: str = "") -> Page:
        """Show a file."""
        self.page.goto(path.as_uri() + fragment)
        return self.page

    def outside(self) -> list[str]:
        """The requests for anything but the page itself and what is inside it."""
        own = self.requests[0]
        return [url for url in self.requests if url != own and not url.startswith("data:")]

    def barriers(self) -> list[str]:
        """What axe-core finds in the way of people with assistive technology."""
        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()
