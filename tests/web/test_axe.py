"""axe-core looks at a conversation, its forms and dialogs: in light and dark, in each language."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.replies import Reply, ToolCall
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch, axe_finds
from tests.web.test_markdown import KINDS

pytestmark = pytest.mark.browser

CALL = ToolCall("calculator", {"expression": "3 * 4"}, "call-1")


def examine(page: Page, axe: str, where: str) -> None:
    """Fail if axe-core finds anything."""
    assert axe_finds(page, axe) == [], where


def send(page: Page, text: str) -> None:
    """Send a message, in whichever language the page is."""
    page.locator(".composer-field").fill(text)
    expect(page.locator(".composer-send[type=submit]")).to_be_enabled()
    page.locator(".composer-field").press("Enter")


@pytest.mark.parametrize(("theme", "locale"), [("light", "en-US"), ("dark", "ja-JP"), ("dark", "zh-CN")])
def test_axe_finds_nothing_wherever_a_conversation_leads(
    browser: Browser,
    page_server: Served,
    graphs_server: Served,
    upstream: Upstream,
    axe: str,
    theme: Any,
    locale: str,
) -> None:
    upstream.script(
        [Reply(tool_calls=[CALL]), Reply(text=KINDS), Reply(text="half", breaks="truncated", after=1)]
    )
    context = Watch(page_server.url).context(browser, color_scheme=theme, locale=locale)
    page = context.new_page()
    page.goto(f"{page_server.url}/#/agent")
    send(page, "what is 3 * 4?")
    expect(page.locator(".turn-foot")).to_have_count(1)
    expect(page.locator(".markdown math")).to_have_count(2)
    page.locator(".tool .fold-head").click()
    examine(page, axe, "an answer with a tool, in Markdown")
    send(page, "and?")
    expect(page.locator(".alert")).to_be_visible()
    page.locator(".question-part .actions .button").nth(1).click()
    expect(page.locator(".question-editor")).to_be_visible()
    examine(page, axe, "a failure, and a message that is edited")
    for place in (1, 2):
        page.locator(".composer-row > .button").nth(place).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        examine(page, axe, f"the dialog {place}")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

    for graph, shown in (("story", ".schema-form"), ("two", ".ask"), ("review", ".ask")):
        page.goto(f"{graphs_server.url}/#/{graph}")
        expect(page.get_by_role("heading", level=1)).to_have_text(graph)
        if graph != "story":
            send(page, "go")
        expect(page.locator(shown).first).to_be_visible()
        examine(page, axe, graph)
    context.close()
