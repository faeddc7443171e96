"""What a run shows on the page, and what can be done with it there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.patience import PATIENCE_S
from tests.replies import Reply, ToolCall
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch, stop_time
from tests.web.test_chat import ask, expect_answer

pytestmark = pytest.mark.browser

CALL = ToolCall("calculator", {"expression": "3 * 4"}, "call-1")


def test_a_tool_call_is_a_card(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(tool_calls=[CALL]), Reply(text="It is 12.")])
    page.goto(f"{page_server.url}/#/agent")

    ask(page, "what is 3 * 4?")
    expect(page.locator(".answer-text")).to_have_text("It is 12.")
    expect(page.locator(".tool")).to_have_count(1)
    page.get_by_role("button", name=re.compile("calculator")).click()

    expect(page.locator(".tool .code-box-text")).to_have_text([re.compile('"expression": "3 \\* 4"'), "12"])
    page.reload()
    expect(page.get_by_role("button", name=re.compile("Done.*calculator"))).to_be_visible()
    expect(page.locator(".tool")).to_have_count(1)


def test_an_edited_message_begins_a_branch_and_the_other_one_stays(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text="first"), Reply(text="second"), Reply(text="third")])
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "one")
    expect(page.locator(".answer-text")).to_have_text("first")

    page.get_by_role("button", name="Edit the message").click()
    page.get_by_role("textbox", name="Edit the message").fill("two")
    page.keyboard.press("Enter")
    expect(page.locator(".answer-text")).to_have_text("second")
    expect(page.get_by_text("2/2")).to_be_visible()
    page.get_by_role("button", name="Previous version").click()

    expect(page.locator(".question")).to_contain_text("one")
    expect(page.locator(".answer-text")).to_have_text("first")
    expect(page.get_by_text("1/2")).to_be_visible()
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".answer-text")).to_have_text("third")
    expect(page.get_by_text("3/3")).to_be_visible()


def test_two_tabs_show_the_same_answer(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text="hello"), Reply(text=["one ", "two"], breaks="silence", after=1)])
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "hello?")
    expect_answer(page, "hello")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".answer-text")).to_have_text("hello")

    ask(page, "count")
    expect(other.locator(".question").nth(1)).to_contain_text("count")
    expect(other.locator(".answer-text").nth(1)).to_have_text("one")
    upstream.resume()

    for each in (page, other):
        expect(each.locator(".answer-text")).to_have_text(["hello", "one two"])


def test_a_failed_answer_says_why_and_can_be_tried_again(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text="half an", breaks="truncated", after=2), Reply(text="whole")])
    page.goto(f"{page_server.url}/#/llm")

    ask(page, "hello?")
    expect(page.get_by_text("upstream_truncated")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("The answer has failed.")
    page.get_by_role("button", name="Try again").click()

    expect(page.locator(".answer-text")).to_have_text("whole")
    expect(page.get_by_text("upstream_truncated")).to_have_count(0)


def test_threads_are_found_renamed_and_deleted(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text="yes")])
    page.clock.install()
    page.goto(f"{page_server.url}/#/completion")
    page.goto(f"{page_server.url}/#/llm")
    expect(page.get_by_role("heading", level=1)).to_have_text("llm")
    ask(page, "a thread to keep")
    expect(page.locator(".answer-text")).to_have_text("yes")
    link = page.get_by_role("link", name="a thread to keep")
    expect(link).to_have_attribute("aria-current", "page")

    link.hover()
    page.get_by_role("button", name="Rename a thread to keep").click()
    page.get_by_role("textbox", name="Rename").fill("soda")
    page.keyboard.press("Enter")
    page.get_by_role("searchbox", name="Search").fill("sod")
    expect(page.locator(".thread")).to_have_count(1)
    page.get_by_role("link", name="soda").hover()
    stop_time(page)  # there is Undo for some seconds
    page.get_by_role("button", name="Delete soda").click()
    expect(page.locator(".thread")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_role("link", name="soda")).to_be_visible()


def test_a_deletion_isnt_lost_when_the_page_is_left_before_its_undo_time(
    page: Page, browser: Browser, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text="yes")])
    page.clock.install()
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "a thread to leave")
    expect_answer(page, "yes")
    thread = f"{page_server.url}/llm/threads/{page.url.rpartition('/')[2]}"
    page.get_by_role("link", name="a thread to leave").hover()
    stop_time(page)
    page.get_by_role("button", name="Delete a thread to leave").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()

    page.goto("about:blank")

    other = browser.new_page()
    other.set_default_timeout(PATIENCE_S * 1000)
    other.goto(page_server.url)
    other.wait_for_function("async url => (await fetch(url)).status === 404", arg=thread)
    other.close()


def test_the_call_of_a_program_is_what_is_on_the_screen(page: Page, page_server: Served) -> None:
    page.goto(f"{page_server.url}/#/agent")
    page.get_by_role("textbox", name="Message").fill("what's up?")
    page.get_by_role("button", name="Call it from a program").click()

    expect(page.get_by_role("dialog")).to_contain_text(f"{page_server.url}/agent/runs")
    page.get_by_role("button", name="Python").click()
    expect(page.get_by_role("dialog")).to_contain_text('client.stream("what\'s up?", graph="agent")')
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_file_goes_with_a_message(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text="a dot")])
    page.goto(f"{page_server.url}/#/llm")
    dot = (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
        b"\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
    )
    page.get_by_label("Attach files").set_input_files(
        {"name": "dot.png", "mimeType": "image/png", "buffer": dot}
    )
    expect(page.get_by_role("button", name="Remove dot.png")).to_be_visible()

    ask(page, "what is it?")

    expect(page.locator(".answer-text")).to_have_text("a dot")
    page.reload()
    expect(page.locator(".question-part img")).to_be_visible()


@pytest.fixture
def asking(browser: Browser, graphs_server: Served) -> Iterator[Page]:
    """A page of the server whose graphs ask, and have forms."""
    context = Watch(graphs_server.url).context(browser)
    yield context.new_page()
    context.close()


def test_a_call_is_edited_before_it_is_approved(asking: Page, graphs_server: Served) -> None:
    asking.goto(f"{graphs_server.url}/#/review")
    ask(asking, "write to Ada")
    expect(asking.get_by_text("May this be done?")).to_be_visible()
    asking.reload()

    asking.get_by_role("button", name="Edit", exact=True).click()
    asking.get_by_label("to", exact=True).fill("bob@example.org")
    asking.get_by_role("button", name="Approve the changes").click()

    expect(asking.locator(".answer-text")).to_contain_text("bob@example.org")
    expect(asking.locator(".ask")).to_have_count(0)


def test_several_questions_are_answered_at_once(asking: Page, graphs_server: Served) -> None:
    asking.goto(f"{graphs_server.url}/#/two")
    ask(asking, "paint")
    asking.get_by_role("button", name="large").click()
    colour = asking.locator(".ask", has_text="Which colour?")
    colour.get_by_role("textbox").fill("blue")
    colour.get_by_role("button", name="Answer", exact=True).click()
    asking.get_by_role("button", name="Send 2 of 2").click()

    expect_answer(asking, "and large")
    asking.reload()
    expect(asking.locator(".answer-text")).to_have_text(["and large"])
    asking.get_by_role("button", name="colour").click()
    expect(asking.locator(".fold-text")).to_have_text("in blue")


def test_a_question_is_withdrawn(asking: Page, graphs_server: Served) -> None:
    asking.goto(f"{graphs_server.url}/#/review")
    ask(asking, "write to Ada")
    asking.get_by_role("button", name="Withdraw").click()

    expect(asking.locator(".ask")).to_have_count(0)
    expect(asking.get_by_role("textbox", name="Message")).to_have_attribute("placeholder", "Write a message")


def test_a_graph_without_messages_has_a_form(asking: Page, graphs_server: Served) -> None:
    asking.goto(f"{graphs_server.url}/#/story")
    asking.get_by_role("button", name="Context and configuration").click()
    asking.get_by_role("dialog").get_by_label("Name").fill("Ada")
    asking.get_by_role("dialog").get_by_label("Age").fill("-1")
    asking.keyboard.press("Escape")
    asking.get_by_label("Topic").fill("water")
    asking.get_by_label("Length").select_option("long")
    asking.get_by_label("Loud").check()
    expect(asking.get_by_label("Topic")).to_have_accessible_description("Anything will do.")
    expect(asking.get_by_label("Tone")).to_have_value("calm")
    asking.get_by_role("button", name="Run", exact=True).click()

    age = asking.get_by_role("dialog").get_by_label("Age")
    expect(age).to_be_focused()
    expect(age).to_have_accessible_description(re.compile("greater than or equal to 0"))
    age.fill("36")
    asking.keyboard.press("Escape")
    asking.get_by_role("button", name="Run", exact=True).click()

    expect(asking.locator(".fields")).to_contain_text("A LONG STORY ABOUT WATER.")
    asking.get_by_label("Topic").fill("wine")
    asking.get_by_role("button", name="Run", exact=True).click()
    both = [re.compile("STORY ABOUT WATER"), re.compile("STORY ABOUT WINE")]
    expect(asking.locator(".fields")).to_have_text(both)
    asking.reload()
    expect(asking.locator(".fields")).to_have_text(both)


def test_what_the_server_refuses_stands_at_its_field(asking: Page, graphs_server: Served) -> None:
    asking.goto(f"{graphs_server.url}/#/story")
    expect(asking.get_by_label("Topic")).to_be_visible()
    asking.get_by_role("button", name="Run", exact=True).click()

    expect(
        asking.locator(".field-row", has=asking.get_by_label("Topic")).get_by_role("alert")
    ).to_be_visible()
    expect(asking.get_by_label("Topic")).to_be_focused()


def test_a_state_that_is_no_object_is_shown(asking: Page, graphs_server: Served) -> None:
    asking.goto(f"{graphs_server.url}/#/letters")
    asking.locator(".input-form .field").first.fill("soda")
    asking.get_by_role("button", name="Run", exact=True).click()
    expect(asking.locator(".answer")).to_contain_text('"o"')

    asking.reload()

    expect(asking.locator(".answer")).to_contain_text('"o"')
