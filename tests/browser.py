"""A real Chromium for the tests that look at pages: Debian's package, or the one CHROMIUM names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = "no Chromium here: `apt-get install chromium`, or set CHROMIUM=/path/to/chromium"


def find_chromium() -> str | None:
    """Return the browser's path: CHROMIUM, /usr/bin/chromium, else what PATH has; None without one."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).is_file() else None
    candidates = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, candidates)), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Open a browser, closed at the end. Without a Chromium the test is skipped, or fails where CI=true."""
    path = find_chromium()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page() -> Iterator[Page]:
    """Open an empty page in a browser of its own.

    The browser lives no longer than its test: the sync API keeps an event loop running in this thread, which
    would be in the way of async tests.
    """
    with open_browser() as browser:
        page = browser.new_page()
        page.set_default_timeout(10_000)
        yield page
