"""What the reader does while an answer of the server's is still on its way."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.patience import PATIENCE_S
from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.test_chat import ask, expect_answer
from tests.web.test_quick import Held
from tests.web.test_reading import DROP, PLACE_OF_FIRST_SEEN

pytestmark = pytest.mark.browser

LIST = "**/llm/threads?*"
READ_LATER = """() => {
    const { readAsDataURL } = FileReader.prototype;
    const released = new Promise((resolve) => { window.release = resolve });
    FileReader.prototype.readAsDataURL = function (file) {
        released.then(() => readAsDataURL.call(this, file));
    };
}"""


def list_again(page: Page) -> None:
    """Have the page list the threads again, and show what it gets."""
    with page.expect_response(LIST) as listed:
        page.evaluate("dispatchEvent(new Event('focus'))")
    listed.value.finished()
    page.evaluate(
        "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
    )


def test_what_is_written_while_a_thread_is_made_stays(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text="one"), Reply(text="two")])
    held = Held()
    page.route("**/llm/runs", held)
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "first")
    field = page.get_by_role("textbox", name="Message")
    field.fill("and second")

    held.release()

    expect(page).to_have_url(re.compile("/llm/chat/."))
    expect_answer(page, "one")
    expect(field).to_have_value("and second")
    field.press("Enter")
    expect_answer(page, "one", "two")
    expect(field).to_have_value("")


def test_what_is_written_while_a_file_is_read_is_sent_with_it(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text="thanks")])
    page.goto(f"{page_server.url}/#/llm")
    field = page.get_by_role("textbox", name="Message")
    expect(field).to_be_visible()
    page.evaluate(READ_LATER)

    page.locator(".turns").evaluate(DROP, ["one.txt", "text/plain", "some text"])
    page.locator(".turns").evaluate(DROP, ["two.txt", "text/plain", "other text"])
    field.fill("look")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    field.press("Enter")
    page.evaluate("release()")

    expect(page.get_by_role("button", name=re.compile(r"Remove (one|two)\.txt"))).to_have_count(2)
    expect(field).to_have_value("look")
    ask(page, "look")
    expect_answer(page, "thanks")
    expect(page.locator(".question-part .file")).to_have_count(2)


def test_a_new_name_isnt_lost_to_a_list_from_before(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text="yes")])
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "a name of before")
    expect_answer(page, "yes")
    page.get_by_role("link", name="a name of before").hover()
    held = Held()
    page.route("**/llm/threads/*", held)

    page.get_by_role("button", name="Rename a name of before").click()
    page.get_by_role("textbox", name="Rename").fill("a name of today")
    page.keyboard.press("Enter")
    list_again(page)

    expect(page.get_by_role("link", name="a name of today")).to_be_visible()
    assert page.get_by_role("link", name="a name of before").count() == 0
    held.release()
    page.get_by_role("searchbox", name="Search").fill("of today")
    expect(page.get_by_role("link", name="a name of today")).to_be_visible()


def test_a_deleted_thread_doesnt_come_back_with_a_list_from_before(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text="yes")])
    page.clock.install()
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "a thread of before")
    expect_answer(page, "yes")
    link = page.get_by_role("link", name="a thread of before")
    link.hover()
    held = Held()
    page.route("**/llm/threads/*", held)

    page.get_by_role("button", name="Delete a thread of before").click()
    with page.expect_request("**/llm/threads/*"):
        page.clock.fast_forward("01:00")
    list_again(page)

    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    assert link.count() == 0
    held.release()


def test_who_scrolls_while_earlier_messages_come_stays_there(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text="the end")])
    messages = [
        {"role": role, "content": f"{role} {at} " + "and so on " * 30}
        for at in range(60)
        for role in ("user", "assistant")
    ]
    run = httpx.post(
        f"{page_server.url}/llm/runs",
        json={"input": {"messages": [*messages, {"role": "user", "content": "the last one"}]}},
        timeout=PATIENCE_S,
    ).json()
    page.goto(f"{page_server.url}/#/llm/chat/{run['thread_id']}")
    expect(page.locator(".answer-text").last).to_have_text("the end")
    expect(page.locator(".answer .markdown")).not_to_have_count(0)
    before = page.locator(".question").count()
    held = Held()
    page.route("**/llm/threads/*before=*", held)
    frame = page.locator(".turns")

    with page.expect_request("**/llm/threads/*before=*"):
        frame.evaluate("each => { each.scrollTop = 0 }")
    frame.evaluate("each => { each.scrollTop = 700 }")
    place = page.evaluate(PLACE_OF_FIRST_SEEN)
    held.release()

    expect(page.locator(".question")).not_to_have_count(before)
    assert page.evaluate(PLACE_OF_FIRST_SEEN) == pytest.approx(place, abs=1)
