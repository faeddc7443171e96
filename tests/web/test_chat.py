"""A conversation on the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch

pytestmark = pytest.mark.browser


def ask(page: Page, text: str) -> None:
    """Type a question, and send it as soon as nothing is being answered any more."""
    field = page.get_by_role("textbox", name="Message", exact=True)
    field.fill(text)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    field.press("Enter")


def expect_answer(page: Page, *texts: str) -> None:
    """Wait until these are the answers, and the last one is complete: also for others than this page."""
    expect(page.locator(".answer-text")).to_have_text([*texts])
    expect(page.get_by_role("status")).to_have_text("The answer is complete.")


def test_an_answer_is_shown_as_it_comes_and_after_a_reload(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text=["Seltzer ", "water."], breaks="silence", after=1)])
    page.goto(f"{page_server.url}/#/llm")

    ask(page, "what is in the glass?")
    expect(page.locator(".answer")).to_have_text("Seltzer")
    expect(page.get_by_role("status")).to_have_text("Answering")
    upstream.resume()
    expect(page.locator(".answer")).to_have_text("Seltzer water.")
    expect(page.get_by_role("status")).to_have_text("The answer is complete.")

    expect(page).to_have_url(re.compile(f"^{re.escape(page_server.url)}/#/llm/chat/."))
    page.reload()
    expect(page.locator(".question")).to_contain_text("what is in the glass?")
    expect(page.locator(".answer")).to_have_text("Seltzer water.")


def test_a_reload_amid_an_answer_doesnt_lose_it(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text=["one ", "two"], breaks="silence", after=1)])
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "count")
    expect(page.locator(".answer")).to_have_text("one")

    page.reload()
    expect(page.locator(".answer")).to_have_text("one")
    upstream.resume()

    expect(page.locator(".answer")).to_have_text("one two")


def test_an_answer_can_be_stopped(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text=["one ", "two"], breaks="silence", after=1)])
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "count")
    expect(page.locator(".answer")).to_have_text("one")

    page.get_by_role("button", name="Stop").click()

    expect(page.get_by_role("status")).to_have_text("Stopped.")
    expect(page.locator(".answer")).to_have_text("one This answer is incomplete.")


def test_enter_sends_nothing_while_an_input_method_composes(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    page.goto(f"{page_server.url}/#/llm")
    field = page.get_by_role("textbox", name="Message")
    field.focus()
    typing = page.context.new_cdp_session(page)
    typing.send("Input.imeSetComposition", {"text": "ソーダ", "selectionStart": 3, "selectionEnd": 3})
    key = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    typing.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **key})
    typing.send("Input.insertText", {"text": "ソーダ水"})
    expect(field).to_have_value("ソーダ水")

    assert page.locator(".question").count() == 0
    field.press("Enter")
    expect(page.locator(".question")).to_contain_text("ソーダ水")


def test_an_unknown_thread_is_named(page: Page, page_server: Served, watch: Watch) -> None:
    page.goto(f"{page_server.url}/#/llm/chat/nobody-knows-it")

    expect(page.get_by_text("nobody-knows-it")).to_be_visible()
    watch.expect("404")


def test_texts_of_hostile_answers_do_nothing(page: Page, page_server: Served, upstream: Upstream) -> None:
    text = "<img src=x onerror=document.title='hacked'><script>document.title='hacked'</script>"
    upstream.script([Reply(text=[text])])
    page.goto(f"{page_server.url}/#/llm")

    ask(page, "hack me")
    expect(page.get_by_role("status")).to_have_text("The answer is complete.")
    expect(page.locator(".answer .markdown")).to_have_count(1)  # it is no plain text any more

    assert page.locator(".answer img, .answer script").count() == 0
    assert page.title() == "llm · Seltzer"


def test_the_page_works_on_a_phone(browser: Browser, watch: Watch, page_server: Served) -> None:
    context = watch.context(browser, viewport={"width": 375, "height": 700}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{page_server.url}/#/llm")

    page.get_by_role("button", name="Open the menu").tap()
    page.get_by_role("link", name="agent", exact=True).tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("agent")
    expect(page.get_by_role("button", name="Close the menu")).to_be_hidden()

    assert page.evaluate("document.documentElement.scrollWidth") == 375
    context.close()
