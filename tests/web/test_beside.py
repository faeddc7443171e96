"""The graph beside the chat, in a window with room for both."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.replies import Reply, ToolCall
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch, axe_finds
from tests.web.test_chat import ask

pytestmark = pytest.mark.browser

WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 1000, "height": 900}
BESIDE = "Graph beside the chat"


def test_the_graph_lights_up_beside_the_chat_and_costs_nothing_before(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    call = ToolCall("calculator", {"expression": "6 * 7"})
    upstream.script([Reply(tool_calls=[call]), Reply(text=["It is ", "42."], breaks="silence", after=1)])
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.set_viewport_size(WIDE)
    page.goto(f"{page_server.url}/#/agent")

    ask(page, "what is 6 times 7?")
    expect(page.locator(".answer-text")).to_have_text("It is")
    assert not [each for each in requested if "Graph" in each or each.endswith("/graph?xray=true")]
    page.get_by_role("button", name=BESIDE).press("Enter")
    panel = page.get_by_role("complementary", name="Graph of this conversation")
    lit = panel.locator('.node[data-state="running"]')
    expect(panel.locator('[data-node="tools"]')).to_have_attribute("data-state", "done")
    expect(lit).to_have_count(1)
    upstream.resume()

    expect(page.locator(".answer")).to_contain_text("It is 42.")
    expect(lit).to_have_count(0)
    expect(panel.locator(".run-state")).to_contain_text("finished")
    page.get_by_role("link", name="New thread").click()
    expect(panel).to_contain_text("No run yet.")
    expect(panel.locator('.node[data-state="done"]')).to_have_count(0)


def test_it_is_remembered_and_leaves_a_window_that_has_no_room_for_it(
    browser: Browser, watch: Watch, page_server: Served, axe: str
) -> None:
    context = watch.context(browser, viewport=WIDE, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{page_server.url}/#/agent")
    page.get_by_role("button", name=BESIDE).click()
    panel = page.locator(".beside")

    page.reload()
    expect(panel.locator(".node").first).to_be_visible()
    expect(page.get_by_role("button", name=BESIDE)).to_have_attribute("aria-pressed", "true")
    chat = page.locator(".chat").bounding_box()
    assert chat is not None
    assert chat["width"] >= 46 * 16
    panel.locator('[data-node="tools"]').click()
    expect(panel.get_by_role("complementary", name="About tools")).to_be_visible()
    assert axe_finds(page, axe) == []

    page.set_viewport_size(NARROW)
    expect(panel).to_have_count(0)
    expect(page.get_by_role("button", name=BESIDE)).to_have_count(0)
    page.set_viewport_size(WIDE)
    expect(panel).to_have_count(1)
    page.get_by_role("button", name=BESIDE).click()
    expect(panel).to_have_count(0)
    page.reload()
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    expect(panel).to_have_count(0)
    context.close()
