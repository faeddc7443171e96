"""Who acts before the page has read the thread again, and runs that leave nothing on their thread."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.patience import PATIENCE_S
from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch
from tests.web.test_chat import ask, expect_answer

pytestmark = pytest.mark.browser

THREAD = "**/llm/threads/*?limit=60"
BROKEN_OFF = Reply(text=["one ", "two"], breaks="silence", after=1)


class Held:
    """Requests that get no answer until they are released."""

    def __init__(self) -> None:
        self._routes: list[Route] | None = []

    def __call__(self, route: Route) -> None:
        if self._routes is None:
            route.continue_()
        else:
            self._routes.append(route)

    def release(self) -> None:
        """Let them all pass, and those that come later."""
        routes, self._routes = self._routes or [], None
        for route in routes:
            route.continue_()


def expect_questions(page: Page, *texts: str) -> None:
    """Wait until these are the questions; who has asked stands before them, for screen readers."""
    expect(page.locator(".question")).to_have_text([re.compile(f"{re.escape(text)}$") for text in texts])


@pytest.mark.parametrize(
    ("asked", "is_stopped", "is_edited"),
    [
        (["count"], True, True),
        (["count"], False, False),
        (["hello", "count"], False, True),
        (["hello", "count"], True, False),
    ],
    ids=["stopped and edited", "asked again", "a later one edited", "a later one stopped and asked again"],
)
def test_a_turn_is_replaced_before_the_thread_is_read_again(
    page: Page, page_server: Served, upstream: Upstream, asked: list[str], is_stopped: bool, is_edited: bool
) -> None:
    earlier = ["an earlier answer"] * (len(asked) - 1)
    newest = BROKEN_OFF if is_stopped else Reply(text="one")
    upstream.script([*(Reply(text=each) for each in earlier), newest, Reply(text="another answer")])
    held = Held()
    page.goto(f"{page_server.url}/#/llm")
    for at, each in enumerate(asked):
        if at == len(earlier):
            page.route(THREAD, held)
        ask(page, each)
        expect(page.locator(".answer-text")).to_have_count(at + 1)
    expect(page.locator(".answer-text").last).to_have_text("one")
    if is_stopped:
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("status")).to_have_text("Stopped.")

    if is_edited:
        page.get_by_role("button", name="Edit the message").last.click()
        page.get_by_role("textbox", name="Edit the message").fill("count again")
        page.keyboard.press("Enter")
    else:
        page.get_by_role("button", name="Answer again").last.click()

    questions = [*asked[:-1], "count again" if is_edited else asked[-1]]
    expect(page.locator(".answer-text")).to_have_text([*earlier, "another answer"])
    held.release()
    for _ in ("shown", "and after a reload"):
        expect(page.get_by_text("2/2")).to_be_visible()
        expect_questions(page, *questions)
        expect(page.locator(".answer-text")).to_have_text([*earlier, "another answer"])
        page.reload()


def test_what_was_stopped_before_its_turn_goes_back_to_where_it_was_written(
    page: Page, page_server: Served, upstream: Upstream, watch: Watch
) -> None:
    upstream.script([Reply(text="hello"), BROKEN_OFF])
    held = Held()
    page.route(THREAD, held)
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "hello?")
    expect_answer(page, "hello")
    run = {"input": "elsewhere", "thread_id": page.url.rpartition("/")[2]}
    httpx.post(f"{page_server.url}/llm/runs", json=run, timeout=PATIENCE_S).raise_for_status()
    ask(page, "and here?")
    page.get_by_role("button", name="Wait for its end, then send").click()
    expect(page.get_by_role("status")).to_have_text("Waiting for its turn")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("")

    page.get_by_role("button", name="Stop").click()
    held.release()

    expect(page.get_by_role("textbox", name="Message")).to_have_value("and here?")
    expect_questions(page, "hello?", "elsewhere")
    expect(page.locator(".answer-text")).to_have_text(["hello", "one"])
    upstream.resume()
    expect(page.locator(".answer-text")).to_have_text(["hello", "one two"])
    watch.expect("409")


def test_why_a_run_has_failed_is_kept_if_the_thread_has_nothing_of_it(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    failed = {"code": "graph_gone", "message": "The graph isn't served any more.", "retry_after_s": None}
    frame = f"id: 1-1\nevent: failed\ndata: {json.dumps(failed)}\n\n"
    upstream.script([Reply(text="hello")])
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "hello?")
    expect(page.locator(".answer-text")).to_have_text("hello")
    headers = {
        "content-type": "text/event-stream",
        "x-run-id": "gone",
        "x-thread-id": page.url.rpartition("/")[2],
    }
    page.route("**/llm/runs", lambda route: route.fulfill(body=frame, headers=headers))

    ask(page, "are you there?")

    expect(page.get_by_role("alert")).to_contain_text("graph_gone")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("are you there?")
    expect_questions(page, "hello?")
