"""The operator's view of runs: their list, one run's time line, and the states that it has left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from seltzer import Seltzer
from tests.cli.talker import graph
from tests.conftest import in_a_thread
from tests.patience import PATIENCE_S
from tests.replies import Reply, ToolCall
from tests.serving import Served, serving
from tests.upstream import Upstream
from tests.web.conftest import Watch, axe_finds
from tests.web.test_chat import ask

pytestmark = pytest.mark.browser

READER = {"name": "Ada", "age": 36}
CALL = ToolCall("calculator", {"expression": "3 * 4"}, "call-1")


def run(server: Served, given: Any, graph: str = "llm", thread: str | None = None) -> str:
    """Run a graph on an input to its end, whatever that is; return the run's thread."""
    thread = thread or uuid4().hex
    headers = {"accept": "text/event-stream"}
    body = {"input": given, "thread_id": thread, "context": READER if graph == "story" else None}
    url = f"{server.url}/{graph}/runs"
    httpx.post(url, json=body, headers=headers, timeout=PATIENCE_S).raise_for_status()
    return thread


def start(server: Served, thread: str) -> None:
    """Start a run of the graph llm."""
    run = {"input": "count", "thread_id": thread}
    httpx.post(f"{server.url}/llm/runs", json=run, timeout=PATIENCE_S).raise_for_status()


def run_id(server: Served, thread: str) -> str:
    """Return the id of the newest run of a thread."""
    return str(runs_of(server, thread)[0]["run_id"])


def runs_of(server: Served, thread: str) -> list[dict[str, Any]]:
    """List the runs of a thread, the newest first."""
    listed = httpx.get(f"{server.url}/runs", params={"thread_id": thread}, timeout=PATIENCE_S)
    return list(listed.raise_for_status().json()["runs"])


def open_run(page: Page, server: Served, thread: str, graph: str = "llm") -> None:
    page.goto(f"{server.url}/#/runs/{graph}/{run_id(server, thread)}")
    expect(page.get_by_role("slider", name="Position")).to_be_visible()


def test_runs_are_listed_filtered_and_linked(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text="yes"), Reply(text="no", breaks="truncated", after=1)])
    thread = run(page_server, "one")
    run(page_server, "two", thread=thread)
    page.goto(f"{page_server.url}/#/runs?graph=llm&thread={thread}")
    rows = page.get_by_role("row").filter(has=page.get_by_role("link"))
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Failed")
    expect(rows.first).to_contain_text("upstream_truncated")
    expect(rows.last).to_contain_text("Done")

    page.get_by_role("combobox", name="Status").select_option("success")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(f"{page_server.url}/#/runs?graph=llm&status=success&thread={thread}")
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_role("combobox", name="Graph").select_option("approval")
    expect(page.get_by_text("No run matches this.")).to_be_visible()
    page.go_back()
    rows.get_by_role("link").click()
    expect(page.locator(".answer-text")).to_have_text("yes")
    page.go_back()

    expect(rows).to_have_count(1)


def test_a_run_appears_in_the_list_and_ends_there(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text=["one ", "two"], breaks="silence", after=1)])
    thread = uuid4().hex
    page.goto(f"{page_server.url}/#/runs?thread={thread}")
    expect(page.get_by_text("No run matches this.")).to_be_visible()

    start(page_server, thread)
    row = page.get_by_role("row").filter(has=page.get_by_role("link"))
    expect(row).to_contain_text("Running")
    counter = page.locator(".counter", has_text="Running")
    expect(counter).to_contain_text("1")
    upstream.resume()

    expect(row).to_contain_text("Done")
    expect(counter).to_contain_text("0")


def test_the_graph_is_drawn_as_it_was_at_the_chosen_moment(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(tool_calls=[CALL]), Reply(text="It is 12.")])
    thread = run(page_server, "what is 3 * 4?", graph="agent")
    open_run(page, page_server, thread, graph="agent")

    page.get_by_role("button", name="Graph", exact=True).last.click()
    tools = page.locator("[data-stop=tools]")
    expect(tools).to_have_attribute("data-state", "done")
    page.get_by_role("slider", name="Position").press("Home")

    expect(tools).to_have_attribute("data-state", "idle")


def test_a_replay_reaches_the_answer(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(tool_calls=[CALL]), Reply(text="It is 12.")])
    thread = run(page_server, "what is 3 * 4?", graph="agent")
    open_run(page, page_server, thread, graph="agent")
    answer = page.locator(".answer-text")
    expect(answer).to_have_text("It is 12.")
    expect(page.locator(".question")).to_have_text("what is 3 * 4?")
    expect(page.locator(".lane", has_text="calculator")).to_be_visible()

    page.get_by_role("slider", name="Position").press("Home")
    expect(answer).to_have_count(0)
    page.get_by_role("button", name="4×").click()
    page.get_by_role("button", name="Play").click()

    expect(answer).to_have_text("It is 12.")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def position(server: Served, page: Page, text: str) -> int:
    """Return how many events of the run that is shown there are up to the token."""
    run_id = page.url.rpartition("/")[2]
    log = httpx.get(f"{server.url}/llm/runs/{run_id}/log", timeout=PATIENCE_S)
    events = log.raise_for_status().json()["events"]
    return next(at for at, each in enumerate(events, 1) if each["data"].get("text") == text)


def test_a_run_is_scrubbed_by_keyboard_and_by_pointer(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text=["one ", "two ", "three"])])
    open_run(page, page_server, run(page_server, "count"))
    slider = page.get_by_role("slider", name="Position")
    answer = page.locator(".answer-text")
    expect(answer).to_have_text("one two three")
    count = int(slider.get_attribute("aria-valuemax") or 0)
    expect(slider).to_have_attribute("aria-valuenow", str(count))

    for place in range(count - 1, position(page_server, page, "two ") - 1, -1):
        slider.press("ArrowLeft")
        expect(slider).to_have_attribute("aria-valuenow", str(place))
    expect(answer).to_have_text("one two")
    expect(page.locator('.event-row[aria-selected="true"]')).to_contain_text("two")
    slider.press("ArrowRight")
    expect(answer).to_have_text("one two three")
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0")
    slider.press("End")
    expect(slider).to_have_attribute("aria-valuenow", str(count))
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 1, box["y"] + box["height"] / 2)

    expect(answer).to_have_count(0)


def test_events_are_filtered_by_kind_and_move_the_scrubber(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text=["one ", "two ", "three"])])
    open_run(page, page_server, run(page_server, "count"))
    options = page.get_by_role("listbox", name="Events").get_by_role("option")

    page.get_by_role("combobox", name="Kind").select_option("token")
    expect(options).to_have_count(3)
    options.nth(1).click()

    expect(page.locator(".answer-text")).to_have_text("one two")
    expect(page.locator(".event-whole")).to_contain_text('"text": "two "')
    page.get_by_role("listbox", name="Events").press("ArrowUp")
    expect(page.locator(".answer-text")).to_have_text("one")


def test_a_run_is_followed_while_it_goes_on_and_can_be_cancelled(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text=["one ", "two"], breaks="silence", after=1)])
    thread = uuid4().hex
    start(page_server, thread)
    open_run(page, page_server, thread)
    expect(page.locator(".answer-text")).to_have_text("one")
    expect(page.get_by_role("button", name="Live")).to_be_visible()

    page.get_by_role("button", name="Cancel the run").click()

    expect(page.locator(".run-status")).to_have_text("Cancelled")
    expect(page.get_by_role("button", name="Live")).to_have_count(0)


def test_states_show_what_has_changed_and_the_thread_continues_from_one(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text="first"), Reply(text="second"), Reply(text="third")])
    thread = run(page_server, "one")
    run(page_server, "two", thread=thread)
    first = runs_of(page_server, thread)[-1]["run_id"]
    page.goto(f"{page_server.url}/#/runs/llm/{first}")
    page.get_by_role("button", name="States").click()
    state = page.locator(".state").first
    expect(state).to_contain_text("The turn ends here")

    state.get_by_role("button").first.click()
    expect(state.locator(".change")).to_have_text(re.compile(r"Added.*messages\[1\].*first"))
    state.get_by_role("button", name="The whole state").click()
    expect(state.locator(".whole-state")).to_contain_text('"content": "one"')
    state.get_by_role("button", name="Continue from here").click()

    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    expect(page.locator(".answer-text")).to_have_text("first")
    ask(page, "three")
    expect(page.locator(".answer-text")).to_have_text(["first", "third"])


def test_a_turn_runs_again_from_a_state_amid_it(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text="first"), Reply(text="again")])
    thread = run(page_server, "one")
    open_run(page, page_server, thread)
    page.get_by_role("button", name="States").click()
    state = page.locator(".state", has_text="Next:").first
    state.get_by_role("button").first.click()
    state.get_by_role("button", name="Continue from here").click()

    expect(page.locator(".answer-text")).to_have_text("again")


def test_a_graph_without_messages_shows_its_input_and_its_values(
    browser: Browser, graphs_server: Served
) -> None:
    watch = Watch(graphs_server.url)
    page = watch.context(browser).new_page()
    thread = run(graphs_server, {"topic": "water"}, graph="story")
    open_run(page, graphs_server, thread, graph="story")

    expect(page.locator(".moment")).to_contain_text('"topic":"water"')
    page.get_by_role("button", name="States").click()
    state = page.locator(".state").first
    state.get_by_role("button").first.click()
    expect(state.locator(".change")).to_have_text(re.compile("Added.*story.*A medium story about water."))
    page.context.close()
    assert watch.problems == []


@pytest.fixture(scope="module")
def forgetful(built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that keeps no events of ended runs."""
    app = FastAPI()
    data = tmp_path_factory.mktemp("data")
    in_a_thread(lambda: Seltzer({"echo": graph}, data=data, retention_s=0.001)).mount(app)
    with serving(app) as served:
        yield served


def test_a_run_whose_events_have_expired_shows_its_facts(browser: Browser, forgetful: Served) -> None:
    thread = run(forgetful, "hello", graph="echo")
    ended = run_id(forgetful, thread)
    log = f"{forgetful.url}/echo/runs/{ended}/log"
    while httpx.get(log, timeout=PATIENCE_S).status_code != 410:  # the log is tidied after the last event
        run(forgetful, "another", graph="echo")
    watch = Watch(forgetful.url)
    page = watch.context(browser).new_page()
    page.goto(f"{forgetful.url}/#/runs/echo/{ended}")

    expect(page.get_by_text("The events of this run aren’t kept any more.")).to_be_visible()
    expect(page.locator(".run-status")).to_have_text("Done")
    expect(page.locator(".run-fact", has_text="Duration")).to_be_visible()
    expect(page.locator(".state").first).to_be_visible()
    watch.expect("410")
    page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(
    browser: Browser,
    watch: Watch,
    page_server: Served,
    upstream: Upstream,
    axe: str,
    theme: Literal["light", "dark"],
) -> None:
    upstream.script([Reply(tool_calls=[CALL]), Reply(text="It is 12.")])
    thread = run(page_server, "what is 3 * 4?", graph="agent")
    context = watch.context(browser, color_scheme=theme)
    page = context.new_page()

    page.goto(f"{page_server.url}/#/runs?thread={thread}")
    expect(page.get_by_role("link", name="Run of agent")).to_be_visible()
    assert axe_finds(page, axe) == []
    open_run(page, page_server, thread, graph="agent")
    expect(page.locator(".answer-text")).to_have_text("It is 12.")
    assert axe_finds(page, axe) == []
    page.get_by_role("button", name="States").click()
    page.locator(".state-head").first.click()
    expect(page.get_by_role("button", name="Continue from here")).to_be_visible()
    assert axe_finds(page, axe) == []
    context.close()


def test_runs_are_cards_on_a_phone(
    browser: Browser, watch: Watch, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text=["one ", "two"])])
    thread = run(page_server, "count")
    context = watch.context(browser, viewport={"width": 375, "height": 700}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{page_server.url}/#/runs?thread={thread}")
    page.get_by_role("link", name="Run of llm").tap()
    slider = page.get_by_role("slider", name="Position")
    expect(slider).to_be_visible()
    expect(page.locator(".answer-text")).to_have_text("one two")
    box = slider.bounding_box()
    assert box is not None

    page.touchscreen.tap(box["x"] + 2, box["y"] + box["height"] / 2)

    expect(page.locator(".answer-text")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    context.close()


def test_a_run_that_isnt_there_is_named(page: Page, page_server: Served, watch: Watch) -> None:
    watch.forget("the server responded with a status of 404")
    page.goto(f"{page_server.url}/#/runs/llm/{uuid4()}")

    expect(page.get_by_text("This run isn’t here any more.")).to_be_visible()
