"""The keyboard's shortcuts, and the sheet that lists them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch, axe_finds
from tests.web.test_chat import ask

pytestmark = pytest.mark.browser


def test_single_keys_act_while_nothing_is_typed(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text=["Seltzer ", "water."], breaks="silence", after=1)])
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{page_server.url}/#/llm")
    message = page.get_by_role("textbox", name="Message")
    expect(message).to_be_visible()

    page.keyboard.press("m")
    expect(message).to_be_focused()
    page.keyboard.type("n?")
    expect(message).to_have_value("n?")
    ask(page, "what is in the glass?")
    expect(page.locator(".answer")).to_have_text("Seltzer")
    message.press("Escape")
    expect(page.get_by_role("status")).to_have_text("Stopped.")
    upstream.resume()

    expect(page.get_by_role("searchbox")).to_be_visible()
    page.get_by_role("link", name="Chat", exact=True).focus()
    page.keyboard.press("t")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("link", name="Chat", exact=True).focus()
    page.keyboard.press("g")
    expect(page.locator(".beside")).to_be_visible()
    page.keyboard.press("3")
    expect(page.get_by_role("link", name="Runs", exact=True)).to_have_attribute("aria-current", "page")
    page.keyboard.press("m")
    expect(message).to_be_focused()
    expect(page.locator(".question")).to_contain_text("what is in the glass?")
    page.get_by_role("link", name="Chat", exact=True).focus()
    page.keyboard.press("n")
    expect(page.locator(".question")).to_have_count(0)
    expect(message).to_be_focused()


def test_the_sheet_is_opened_from_anywhere_and_gives_the_focus_back(
    page: Page, page_server: Served, axe: str
) -> None:
    page.goto(f"{page_server.url}/#/llm")
    message = page.get_by_role("textbox", name="Message")
    message.fill("half a ")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")

    message.press("Control+/")
    expect(sheet).to_be_visible()
    expect(sheet.get_by_role("button", name="Close")).to_be_focused()
    expect(sheet.get_by_role("button", name="Graph beside the chat")).to_be_enabled()
    assert axe_finds(page, axe) == []
    for _ in range(20):
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement?.closest('.shell > :not(dialog)')")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(message).to_be_focused()

    page.keyboard.press("Control+/")
    sheet.get_by_role("button", name="Graph 2", exact=True).click()
    expect(page.get_by_role("link", name="Graph", exact=True)).to_have_attribute("aria-current", "page")
    expect(sheet).to_have_count(0)
    page.keyboard.press("Shift+?")
    expect(sheet).to_be_visible()
    page.keyboard.press("1")
    expect(sheet).to_have_count(0)
    expect(message).to_have_value("half a ")


def test_single_keys_can_be_turned_off(browser: Browser, watch: Watch, page_server: Served) -> None:
    context = watch.context(browser, locale="ja-JP")
    page = context.new_page()
    page.goto(f"{page_server.url}/#/llm")
    page.get_by_role("button", name="キーボードショートカット").click()
    page.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")

    page.reload()
    chat = page.get_by_role("link", name="チャット", exact=True)
    chat.focus()
    page.keyboard.press("3")
    page.keyboard.press("Shift+?")
    page.keyboard.press("Control+/")

    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("checkbox")).not_to_be_checked()
    assert "/llm" in page.url
    context.close()
