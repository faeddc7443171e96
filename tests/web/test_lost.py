"""A server that goes and comes back, and what isn't there any more."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.conftest import ROOT, choose_demo, choose_upstream, make_app
from tests.e2e.processes import Home, at_home, upstream_environment
from tests.patience import PATIENCE_S
from tests.replies import Reply, ToolCall
from tests.serving import Served, serving
from tests.upstream import Upstream
from tests.web.conftest import Watch
from tests.web.test_chat import ask, expect_answer

pytestmark = pytest.mark.browser

GONE = "The server doesn’t answer."
REFUSED = "ERR_CONNECTION_REFUSED"
BROKEN = (
    "ERR_CONNECTION_REFUSED",
    "ERR_CONNECTION_RESET",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_EMPTY_RESPONSE",
)


@pytest.fixture(scope="module")
def home(
    built_page: None, session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """A server that is a process, and can be killed."""
    environment = upstream_environment(session_upstream)
    with at_home(ROOT / "langgraph.json", tmp_path_factory.mktemp("home"), **environment) as made:
        made.start()
        yield made


def test_a_killed_server_completes_its_answer_when_it_is_back(
    browser: Browser, home: Home, upstream: Upstream
) -> None:
    upstream.script(
        [
            Reply(text=["one ", "two ", "three"], breaks="silence", after=2),
            Reply(text=["one ", "two ", "three"]),
        ]
    )
    watch = Watch(home.url)
    page = watch.context(browser).new_page()
    page.goto(f"{home.url}/#/llm")
    ask(page, "count")
    expect(page.locator(".answer-text .markdown")).to_have_text("one two")

    home.kill()
    expect(page.get_by_text(GONE)).to_be_visible()
    expect(page.locator(".answer-text")).to_have_text("one two")
    home.start()

    expect(page.locator(".answer-text")).to_have_text("one two three")
    expect(page.get_by_text(GONE)).to_have_count(0)
    expect(page.get_by_text("this is attempt 2")).to_be_visible()
    expect(page.get_by_text("The answer is complete.")).to_have_count(1)
    page.reload()
    expect(page.locator(".answer-text")).to_have_text("one two three")
    expect(page.locator(".question")).to_have_count(1)
    for each in BROKEN:
        watch.forget(each)
    assert watch.problems == []
    page.context.close()


def test_what_a_lost_server_couldnt_send_comes_when_it_is_back(
    browser: Browser, home: Home, upstream: Upstream
) -> None:
    upstream.script([Reply(text="kept")])
    with httpx.Client(base_url=home.url, timeout=PATIENCE_S) as client:
        run = {"input": "a thread of the agent", "thread_id": "kept-thread"}
        client.post("/agent/runs", json=run, headers={"accept": "text/event-stream"})
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.goto(f"{home.url}/#/llm")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()

    home.kill()
    page.get_by_role("link", name="agent", exact=True).click()
    expect(page.get_by_text(GONE)).to_be_visible()
    page.evaluate("location.hash = '#/agent/chat/kept-thread'")
    home.start()

    expect(page.get_by_role("link", name="a thread of the agent")).to_be_visible()
    expect(page.locator(".answer-text")).to_have_text("kept")
    expect(page.get_by_text(GONE)).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.close()


@pytest.fixture(scope="module")
def forgetful(
    built_page: None, session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server that keeps few of a run's events."""
    with pytest.MonkeyPatch.context() as patch:
        choose_demo(patch)
        choose_upstream(patch, session_upstream)
        data = tmp_path_factory.mktemp("data")
        app = make_app(config=ROOT / "langgraph.json", data=data, events_limit=100)
    with serving(app) as served:
        yield served


def dropped(served: Served, upstream: Upstream) -> None:
    """Have the newest run's first events kept no longer, neither in the log nor in memory.

    The log drops them when it has later ones. Memory drops what is stored when more comes, which is why the
    silent answer is resumed between.
    """
    params = {"limit": 1}
    (run,) = httpx.get(f"{served.url}/agent/runs", params=params, timeout=PATIENCE_S).json()["runs"]
    url = f"{served.url}/agent/runs/{run['run_id']}"
    until_gone(f"{url}/log")
    upstream.resume_once()
    until_gone(f"{url}/events")


def until_gone(url: str) -> None:
    """Ask until the answer is 410."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with httpx.stream("GET", url, timeout=PATIENCE_S) as response:
            if response.status_code == 410:
                return
    raise AssertionError("its events are still there")


def test_a_run_whose_events_are_gone_is_named_and_its_end_is_shown(
    browser: Browser, forgetful: Served, upstream: Upstream
) -> None:
    words = [f"w{at} " for at in range(300)]
    call = ToolCall("calculator", {"expression": "3 * 4"}, "call-1")
    upstream.script(
        [
            Reply(text=words, tool_calls=[call], breaks="silence", after=300),
            Reply(text=["It is ", "12."], breaks="silence", after=1),
        ]
    )
    watch = Watch(forgetful.url)
    page = watch.context(browser).new_page()
    page.goto(f"{forgetful.url}/#/agent")
    ask(page, "count")
    expect(page).to_have_url(re.compile("/agent/chat/."))
    dropped(forgetful, upstream)

    page.reload()
    expect(page.get_by_text("The events of this run aren’t kept any more.")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    upstream.resume()

    expect(page.locator(".answer-text")).to_have_text("It is 12.")
    expect(page.locator(".tool")).to_have_count(1)
    expect(page.get_by_text("The answer is complete.")).to_have_count(1)
    watch.forget("410")
    assert watch.problems == []
    page.context.close()


def test_a_thread_that_runs_elsewhere_can_be_waited_for(
    page: Page, page_server: Served, upstream: Upstream, watch: Watch
) -> None:
    upstream.script(
        [Reply(text="hello"), Reply(text=["one ", "two"], breaks="silence", after=1), Reply(text="three")]
    )
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "hello?")
    expect_answer(page, "hello")
    run = {"input": "elsewhere", "thread_id": page.url.rpartition("/")[2]}
    httpx.post(f"{page_server.url}/llm/runs", json=run, timeout=PATIENCE_S).raise_for_status()
    upstream.next_request()
    upstream.next_request()  # the second run's, which waits

    ask(page, "and here?")
    expect(page.get_by_role("alert")).to_contain_text("still being answered elsewhere")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("and here?")
    page.get_by_role("button", name="Wait for its end, then send").click()
    expect(page.get_by_role("status")).to_have_text("Waiting for its turn")
    upstream.resume()

    expect(page.locator(".answer-text")).to_have_text(["hello", "one two", "three"])
    expect(page.locator(".question")).to_have_count(3)
    expect(page.get_by_role("textbox", name="Message")).to_have_value("")
    expect(page.get_by_role("alert")).to_have_count(0)
    watch.expect("409")


def delete_thread(page: Page, served: Served) -> None:
    """Delete the thread that is shown, as somebody else would."""
    url = f"{served.url}/llm/threads/{page.url.rpartition('/')[2]}"
    httpx.delete(url, timeout=PATIENCE_S).raise_for_status()


def test_a_thread_that_was_deleted_elsewhere_is_named(
    page: Page, page_server: Served, upstream: Upstream, watch: Watch
) -> None:
    upstream.script([Reply(text="hello")])
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "hello?")
    expect_answer(page, "hello")
    delete_thread(page, page_server)

    page.reload()

    expect(page.get_by_role("alert")).to_contain_text("isn’t here. It may have been deleted.")
    watch.expect("404")


def test_a_name_that_is_refused_is_taken_back_and_the_reason_is_named(
    page: Page, page_server: Served, upstream: Upstream, watch: Watch
) -> None:
    upstream.script([Reply(text="hello")])
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "a thread that goes")
    expect_answer(page, "hello")
    link = page.get_by_role("link", name="a thread that goes")
    expect(link).to_have_attribute("aria-current", "page")

    def rename_too_late(route: Route) -> None:
        if route.request.method == "PATCH":
            delete_thread(page, page_server)
        route.continue_()

    page.route("**/llm/threads/*", rename_too_late)
    link.hover()
    page.get_by_role("button", name="Rename a thread that goes").click()
    page.get_by_role("textbox", name="Rename").fill("another name")
    page.keyboard.press("Enter")

    expect(page.locator(".threads").get_by_role("alert")).to_contain_text("It may have been deleted.")
    expect(page.get_by_role("button", name="Rename another name")).to_have_count(0)
    watch.expect("404")


EVENTS = [
    ("started", {"run_id": "r1", "thread_id": "t1", "attempt": 1, "graph": "llm"}),
    ("forecast", {"sky": "clear"}),
    ("finished", {"output": "", "usage": None}),
]


def test_an_event_of_an_unknown_kind_is_shown_as_it_is(page: Page, page_server: Served, watch: Watch) -> None:
    """As a newer server might send it to a page that was loaded before."""
    frames = [
        f"id: 1-{seq}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
        for seq, (kind, data) in enumerate(EVENTS, 1)
    ]

    def answer(route: Route) -> None:
        headers = {"content-type": "text/event-stream", "x-run-id": "r1", "x-thread-id": "t1"}
        route.fulfill(body="".join(frames), headers=headers)

    page.route("**/llm/runs", answer)
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "what will it be?")
    page.get_by_role("button", name="forecast").click()

    expect(page.locator(".code-box-text")).to_contain_text('"sky": "clear"')
    watch.forget("404")  # there is no thread t1
