"""Turns that are read again, after a reload or from an earlier conversation, look as they did live."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.serving import Served
from tests.web.conftest import Watch
from tests.web.test_chat import ask

pytestmark = pytest.mark.browser

LOGS = re.compile(r"/log\?")
GONE = {"status": 410, "title": "Gone", "code": "stream_gap", "detail": "these events aren't kept any more"}


@pytest.fixture
def watch(graphs_server: Served) -> Iterator[Watch]:
    watching = Watch(graphs_server.url)
    yield watching
    assert watching.problems == []


@pytest.fixture
def page(watch: Watch, browser: Browser) -> Iterator[Page]:
    """A page of the server with graphs of all kinds, low enough that its turns have to be scrolled."""
    context = watch.context(browser, viewport={"width": 1000, "height": 500})
    try:
        yield context.new_page()
    finally:
        context.close()


TEAM: list[str | re.Pattern[str]] = [
    *["research"] * 3,
    *["Step research"] * 3,
    re.compile("^Looking at"),
    "advise",
]
WORDS = [re.compile("soda"), re.compile("lime")]


def ask_times(page: Page, times: int) -> None:
    for count in range(times):
        ask(page, "write about the sea")
        expect(page.locator(".turn-cost")).to_have_count(count + 1)


def test_what_sub_agents_did_is_there_after_a_reload(page: Page, graphs_server: Served) -> None:
    shown = page.locator(".turn").last.locator(".fold-title, .answer-text")
    page.goto(f"{graphs_server.url}/#/team")
    ask_times(page, 2)
    expect(shown).to_have_text(TEAM)
    costs = page.locator(".turn-cost").all_text_contents()

    page.reload()

    expect(shown).to_have_text(TEAM)
    expect(page.locator(".turn-cost")).to_have_text(costs)
    page.get_by_role("button", name=re.compile("^research")).last.click()
    page.get_by_role("button", name=re.compile("^look$")).last.click()
    expect(page.locator(".fold-text")).to_contain_text("Looking at")


def test_a_turn_of_two_runs_is_read_again_as_one(page: Page, graphs_server: Served) -> None:
    shown = page.locator(".fold-title, .answer-text")
    page.goto(f"{graphs_server.url}/#/two")
    ask(page, "choose for me")
    page.get_by_role("button", name="large").click()
    first = page.locator(".ask").first
    first.get_by_role("textbox").fill("blue")
    first.get_by_role("button", name="Answer", exact=True).click()
    page.get_by_role("button", name="Send 2 of 2").click()
    expect(shown).to_have_text(["colour", "and large"])
    expect(page.locator(".turn-cost")).to_have_count(1)
    costs = page.locator(".turn-cost").all_text_contents()

    page.reload()

    expect(page.locator(".turn-cost")).to_have_text(costs)
    expect(shown).to_have_text(["colour", "and large"])


def test_the_inputs_of_earlier_runs_are_there_after_a_reload(page: Page, graphs_server: Served) -> None:
    page.goto(f"{graphs_server.url}/#/letters")
    for count, word in enumerate(("soda", "lime")):
        page.locator(".input-form .field").first.fill(word)
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.locator(".turn-cost")).to_have_count(count + 1)
    expect(page.locator(".question-part")).to_have_text(WORDS)
    costs = page.locator(".turn-cost").all_text_contents()

    page.reload()

    expect(page.locator(".question-part")).to_have_text(WORDS)
    expect(page.locator(".turn-cost")).to_have_text(costs)


def test_a_turn_whose_events_arent_kept_stays_as_the_thread_has_it(
    page: Page, graphs_server: Served, watch: Watch
) -> None:
    page.goto(f"{graphs_server.url}/#/team")
    ask_times(page, 1)
    answer = page.locator(".answer-text").inner_text()
    page.route(LOGS, lambda route: route.fulfill(status=410, json=GONE))

    with page.expect_response(LOGS):
        page.reload()

    expect(page.locator(".answer-text")).to_have_text(answer)
    expect(page.locator(".turn-foot")).to_have_count(1)
    expect(page.locator(".alert")).to_have_count(0)
    watch.expect("410")
    page.unroute(LOGS)
    page.reload()
    expect(page.locator(".turn-cost")).to_have_count(1)


def test_what_a_reader_looks_at_stays_where_it_is(page: Page, graphs_server: Served) -> None:
    page.goto(f"{graphs_server.url}/#/team")
    ask_times(page, 3)
    held: list[Route] = []
    page.route(LOGS, lambda route: held.append(route))
    with page.expect_request(LOGS):
        page.reload()
    answer = page.locator(".answer-text").nth(1)
    answer.evaluate("each => each.scrollIntoView({ block: 'center' })")
    expect(page.get_by_role("button", name="Jump to the latest")).to_be_visible()
    before = answer.bounding_box()

    page.route(LOGS, lambda route: route.continue_())  # the newest of its handlers counts
    for each in held:
        each.continue_()

    expect(page.locator(".turn-cost")).to_have_count(3)
    after = answer.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) <= 1
