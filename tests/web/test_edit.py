"""A thread's state edited by hand, among the states of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.patience import PATIENCE_S
from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch, axe_finds

pytestmark = pytest.mark.browser


@pytest.fixture
def forms(browser: Browser, graphs_server: Served) -> Iterator[tuple[Page, Watch]]:
    """An empty page for the graphs that have forms and that ask; what goes wrong on it fails the test."""
    watch = Watch(graphs_server.url)
    context = watch.context(browser)
    try:
        yield context.new_page(), watch
    finally:
        context.close()
    assert watch.problems == []


def run_to_its_end(served: Served, graph: str, given: object, thread_id: str) -> str:
    """Run a graph on a thread, and return the run's id."""
    body = {"input": given, "thread_id": thread_id}
    accept = {"accept": "text/event-stream"}
    answer = httpx.post(f"{served.url}/{graph}/runs", json=body, headers=accept, timeout=PATIENCE_S)
    return answer.raise_for_status().headers["x-run-id"]


def values_of(served: Served, graph: str, thread_id: str) -> dict[str, Any]:
    """Return the values of a thread's state."""
    state = httpx.get(f"{served.url}/{graph}/threads/{thread_id}", timeout=PATIENCE_S)
    return dict(state.raise_for_status().json()["values"])


def edit(page: Page, state: str) -> Locator:
    """Open a run's states, and the editor of the one with this text; return it."""
    page.get_by_role("button", name="States").click()
    head = page.locator(".state-head").filter(has_text=state)
    head.click()
    page.locator(".state", has=head).get_by_role("button", name="Edit", exact=True).click()
    return page.get_by_role("form", name="Edit")


def test_a_value_is_changed_and_the_graph_runs_on_from_there(
    forms: tuple[Page, Watch], graphs_server: Served, axe: str
) -> None:
    page, _ = forms
    run_id = run_to_its_end(graphs_server, "story", {"topic": "cats"}, "edited-story")
    page.goto(f"{graphs_server.url}/#/runs/story/{run_id}")
    form = edit(page, "Next: write")

    expect(form.get_by_role("button", name="Save as a new state")).to_be_disabled()
    form.get_by_label("topic").fill("dogs")
    assert axe_finds(page, axe) == []
    form.get_by_role("button", name="Save as a new state").click()
    saved = page.get_by_role("status").filter(has_text="Saved: this is the thread’s newest state now.")
    expect(saved).to_contain_text("Next: write")
    expect(page.locator(".state-name").first).to_have_text("Edit")
    saved.get_by_role("button", name="Run write and open the chat").click()

    expect(page.locator(".answer").last).to_contain_text("A medium story about dogs.")
    assert "/#/story/chat/edited-story" in page.url


def test_what_is_not_json_or_waits_for_an_answer_is_not_saved(
    forms: tuple[Page, Watch], graphs_server: Served
) -> None:
    page, watch = forms
    run_id = run_to_its_end(graphs_server, "story", {"topic": "cats"}, "broken-story")
    page.goto(f"{graphs_server.url}/#/runs/story/{run_id}")
    form = edit(page, "The turn ends here")
    form.get_by_label("topic").fill("dogs")
    form.get_by_label("story").fill('"half of it')
    form.get_by_role("button", name="Save as a new state").click()

    expect(form.get_by_label("story")).to_be_focused()
    expect(form).to_contain_text("This isn’t JSON yet.")
    assert values_of(graphs_server, "story", "broken-story")["topic"] == "cats"

    run_id = run_to_its_end(graphs_server, "review", "a mail", "waiting")
    page.goto(f"{graphs_server.url}/#/runs/review/{run_id}")
    form = edit(page, "Next: review")
    form.get_by_role("textbox").fill("another mail")
    form.get_by_role("button", name="Save as a new state").click()
    expect(form.get_by_role("alert")).to_contain_text("This conversation waits for your answer.")
    expect(form.get_by_role("textbox")).to_have_value("another mail")
    watch.forget("409")


def test_messages_are_changed_and_removed_one_by_one(
    page: Page, watch: Watch, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text="Water, with bubbles.")])
    run_id = run_to_its_end(page_server, "llm", "what is soda?", "edited-messages")
    page.goto(f"{page_server.url}/#/runs/llm/{run_id}")
    form = edit(page, "The turn ends here")
    question = form.get_by_label("1 · human")
    question.fill("")
    form.get_by_role("button", name="Save as a new state").click()
    expect(question).to_be_focused()
    expect(form.get_by_role("alert")).to_have_text("is empty")
    watch.forget("422")

    question.fill("what is seltzer?")
    form.get_by_role("button", name="Remove item 2").click()
    form.get_by_label("Written as").select_option(label="No node: the turn ends here")
    form.get_by_role("button", name="Save as a new state").click()
    saved = page.get_by_role("status").filter(has_text="Saved")
    expect(saved).to_contain_text("The turn ends here")
    saved.get_by_role("button", name="Open in the chat").click()

    expect(page.locator(".question")).to_contain_text("what is seltzer?")
    expect(page.locator(".answer-text")).to_have_count(0)
    messages = values_of(page_server, "llm", "edited-messages")["messages"]
    assert [each["content"] for each in messages] == ["what is seltzer?"]
