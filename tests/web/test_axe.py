"""axe-core looks at a conversation, its forms and dialogs: in light and dark, in each language."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.replies import Reply, ToolCall
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch
from tests.web.test_markdown import KINDS

pytestmark = pytest.mark.browser

CALL = ToolCall("calculator", {"expression": "3 * 4"}, "call-1")


def examine(page: Page, where: str) -> None:
    """Fail if axe-core finds anything."""
    page.evaluate(
        "() => Promise.all(document.getAnimations().filter((each) =>"
        " each.effect.getComputedTiming().endTime !== Infinity).map((each) => each.finished))"
    )
    found: dict[str, Any] = page.evaluate("axe.run()")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == [], where


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
    page.evaluate(axe)
    field = page.locator(".composer-field")
    field.fill("what is 3 * 4?")
    field.press("Enter")
    expect(page.locator(".turn-foot")).to_have_count(1)
    expect(page.locator(".markdown math")).to_have_count(2)
    page.locator(".tool .fold-head").click()
    examine(page, "an answer with a tool, in Markdown")
    field.fill("and?")
    field.press("Enter")
    expect(page.locator(".alert")).to_be_visible()
    page.locator(".question-part .actions .button").nth(1).click()
    expect(page.locator(".question-editor")).to_be_visible()
    examine(page, "a failure, and a message that is edited")
    for place in (1, 2):
        page.locator(".composer-row > .button").nth(place).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        examine(page, f"the dialog {place}")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

    for graph, shown in (("story", ".schema-form"), ("two", ".ask"), ("review", ".ask")):
        page.goto(f"{graphs_server.url}/#/{graph}")
        page.evaluate(axe)
        if graph != "story":
            page.locator(".composer-field").fill("go")
            page.locator(".composer-field").press("Enter")
        expect(page.locator(shown).first).to_be_visible()
        examine(page, graph)
    context.close()
