"""LangServe's two playgrounds in a real browser, over the shipped agent."""

import pytest
from playwright.sync_api import Page, expect

from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream

pytestmark = pytest.mark.browser

QUESTION = "what is the square root of 71?"


def open_form(page: Page, url: str) -> None:
    """Open the default playground, and wait until its form is drawn: the thread, on busy, and the message."""
    page.goto(f"{url}/agent/playground/")
    expect(page.locator("textarea")).to_have_count(3)


def ask(page: Page, text: str) -> None:
    """Start a run in the default playground."""
    page.locator("textarea").last.fill(text)
    page.get_by_role("button", name="Start").click()


def say(page: Page, text: str) -> None:
    """Send a message in the chat playground, once its button is green: before, it drops what is sent."""
    page.locator("textarea").last.fill(text)
    page.locator("button.bg-button-green").click()


def test_the_default_playground_shows_the_answer_and_its_steps(server: Served, page: Page) -> None:
    """What its form shows after the answer isn't certain, at any pace.

    Each chunk and the end of the run change the form, which hands its data to the page 10 ms later and takes
    back what it handed over: a change made in between is overwritten by older data.
    """
    open_form(page, server.url)

    ask(page, QUESTION)

    expect(page.get_by_text("8.426").first).to_be_visible()
    expect(page.get_by_text("Intermediate steps")).to_be_visible()


def test_the_default_playground_remembers_in_the_thread_it_names(
    server: Served, page: Page, thread_id: str
) -> None:
    for text in ("my name is Ada", "what is my name?"):
        open_form(page, server.url)
        page.locator("textarea").first.fill(thread_id)
        ask(page, text)
        expect(page.get_by_text("Output", exact=True)).to_be_visible()
        expect(page.get_by_text("Ada").last).to_be_visible()


def test_the_chat_playground_keeps_a_conversation(server: Served, page: Page) -> None:
    page.goto(f"{server.url}/agent/chat/playground/")

    talk = (
        (QUESTION, "8.426"),
        ("my name is Ada", "Nice to meet you"),
        ("what is my name?", "Your name is Ada"),
    )
    for text, answer in talk:
        say(page, text)
        expect(page.get_by_text(answer).last).to_be_visible()


def test_the_playground_streams_token_by_token(upstream_env: Upstream, server: Served, page: Page) -> None:
    upstream_env.script([Reply(text=["first ", "second"], breaks="silence", after=1)])
    page.goto(f"{server.url}/agent/chat/playground/")

    say(page, "hello")

    expect(page.get_by_text("first").last).to_be_visible()
    expect(page.get_by_text("second")).not_to_be_visible()
    upstream_env.resume()
    expect(page.get_by_text("first second").last).to_be_visible()


def test_the_interactive_api_page_works_without_a_network(server: Served, page: Page) -> None:
    foreign: list[str] = []
    page.on("request", lambda request: None if server.url in request.url else foreign.append(request.url))

    page.goto(f"{server.url}/docs")

    page.get_by_placeholder("Filter by tag or path").fill("/agent/invoke")  # it draws what is in sight only
    sections = page.get_by_role("heading", level=3)
    expect(sections).to_have_count(1)
    sections.get_by_role("button").click()  # they begin folded
    expect(page.get_by_text("/agent/invoke", exact=True)).to_be_visible()
    assert [url for url in foreign if not url.startswith("data:")] == []
