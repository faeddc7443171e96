"""The browser tests' own footing: a page opens, and without a Chromium nobody takes them for passed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser import open_page
from tests.serving import Served


@pytest.mark.browser
def test_a_page_shows_what_the_server_serves(page: Page, server: Served) -> None:
    response = page.goto(f"{server.url}/health")

    assert response is not None
    assert response.ok
    assert "🤙" in page.inner_text("body")


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_chromium_a_test_is_skipped_by_name_but_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    monkeypatch.setenv("CI", ci)

    with pytest.raises(outcome, match="apt-get install chromium"), open_page():
        pass
