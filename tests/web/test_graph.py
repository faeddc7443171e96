"""The graph drawn, its sub-graphs unfolded, and what its nodes do in a run."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.patience import PATIENCE_S
from tests.replies import Reply, ToolCall
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch, axe_finds
from tests.web.team import ENOUGH, GATE

pytestmark = pytest.mark.browser


@pytest.fixture
def gate() -> Iterator[None]:
    """The researchers of the graph `team` stop amid their work, until the test ends."""
    GATE.clear()
    yield
    GATE.set()


@pytest.fixture
def team(browser: Browser, graphs_server: Served) -> Iterator[Page]:
    """An empty page, for the graph `team`; what goes wrong on it fails the test."""
    watch = Watch(graphs_server.url)
    context = watch.context(browser)
    try:
        yield context.new_page()
    finally:
        context.close()
    assert watch.problems == []


def start(served: Served, graph: str = "team", text: str = "go") -> str:
    """Start a run; return its id."""
    started = httpx.post(f"{served.url}/{graph}/runs", json={"input": text}, timeout=PATIENCE_S)
    return str(started.raise_for_status().json()["run_id"])


def open_ended(page: Page, served: Served) -> None:
    """Open the graph `team` with a run that has ended, and which changes nothing of the view any more."""
    run_id = start(served)
    followed = httpx.get(f"{served.url}/team/runs/{run_id}/events", timeout=PATIENCE_S)
    assert "event: finished" in followed.text
    page.goto(f"{served.url}/#/team/graph/{run_id}")
    expect(page.locator(".run-state")).to_contain_text("finished")
    expect(page.get_by_role("combobox", name="Run", exact=True).locator("option:checked")).to_contain_text(
        "finished"
    )


def node(page: Page, name: str) -> Locator:
    return page.locator(f'[data-node="{name}"]')


def taken(page: Page) -> Locator:
    return page.locator('.edge[data-taken="true"]')


def test_a_graph_is_drawn_with_its_conditional_edges_and_as_a_list(page: Page, page_server: Served) -> None:
    page.goto(f"{page_server.url}/#/agent/graph")

    expect(page.get_by_role("group", name="Drawing of the graph agent")).to_be_visible()
    expect(page.locator('.edge[data-conditional="true"]')).not_to_have_count(0)
    page.get_by_text("Nodes and what they did").click()
    expect(page.get_by_role("listitem").filter(has_text="leads to tools, on a condition")).not_to_have_count(
        0
    )


def test_the_node_that_runs_is_lit_until_it_has_ended(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    call = ToolCall("calculator", {"expression": "6 * 7"})
    upstream.script([Reply(tool_calls=[call]), Reply(text=["It is ", "42."], breaks="silence", after=1)])
    run_id = start(page_server, "agent", "what is 6 times 7?")

    page.goto(f"{page_server.url}/#/agent/graph/{run_id}")
    lit = page.locator('.node[data-state="running"]')
    expect(node(page, "tools")).to_have_attribute("data-state", "done")
    expect(lit).to_have_count(1)
    name = lit.get_attribute("data-node")
    upstream.resume()

    expect(lit).to_have_count(0)
    expect(page.locator(f'.node[data-state="done"][data-node="{name}"]')).to_contain_text("2×")
    expect(page.locator(".run-state")).to_contain_text("finished")


@pytest.mark.usefixtures("gate")
def test_runs_at_once_are_counted_folded_and_unfolded(team: Page, graphs_server: Served) -> None:
    run_id = start(graphs_server)
    team.goto(f"{graphs_server.url}/#/team/graph/{run_id}")

    expect(node(team, "research")).to_have_attribute("data-state", "running")
    expect(node(team, "research").locator(".node-several")).to_have_text("3×")
    expect(node(team, "plan")).to_have_attribute("data-state", "done")
    team.get_by_role("button", name="Unfold all sub-graphs").click()
    expect(node(team, "research:look")).to_have_attribute("data-state", "running")
    expect(node(team, "research:look").locator(".node-several")).to_have_text("3×")
    expect(node(team, "research:digest:skim")).to_have_attribute("data-state", "idle")
    expect(taken(team)).to_have_count(3)
    GATE.set()

    expect(node(team, "research:digest:note")).to_have_attribute("data-state", "done")
    expect(node(team, "research:digest:note")).to_contain_text("3×")
    expect(node(team, "advise")).to_have_attribute("data-state", "done")
    expect(team.locator(".edge", has_text="revise")).to_have_attribute("data-taken", "false")
    label = team.locator(".edge").filter(has=team.locator("title", has_text=ENOUGH))
    expect(label).to_have_attribute("data-taken", "true")


def test_the_newest_run_is_shown_and_another_one_can_be_chosen(team: Page, graphs_server: Served) -> None:
    failing = start(graphs_server, text="fail")
    team.goto(f"{graphs_server.url}/#/team/graph")

    expect(node(team, "plan")).to_have_attribute("data-state", "failed")
    start(graphs_server)
    expect(node(team, "write")).to_have_attribute("data-state", "done")
    expect(node(team, "write")).to_contain_text("200 in · 40 out")
    team.get_by_role("combobox", name="Run", exact=True).select_option(failing)
    expect(node(team, "plan")).to_have_attribute("data-state", "failed")
    expect(team).to_have_url(f"{graphs_server.url}/#/team/graph/{failing}")


def test_the_run_of_the_conversation_comes_first(team: Page, graphs_server: Served) -> None:
    own = {"input": "fail", "thread_id": "own"}
    httpx.post(f"{graphs_server.url}/team/runs", json=own, timeout=PATIENCE_S).raise_for_status()
    team.goto(f"{graphs_server.url}/#/team/chat/own")
    expect(team.locator(".question")).to_contain_text("fail")
    start(graphs_server)
    team.get_by_role("link", name="Graph", exact=True).click()

    expect(node(team, "plan")).to_have_attribute("data-state", "failed")


def test_a_node_tells_what_it_has_done(team: Page, graphs_server: Served) -> None:
    team.goto(f"{graphs_server.url}/#/team/graph/{start(graphs_server)}")
    expect(node(team, "write")).to_have_attribute("data-state", "done")

    node(team, "write").click()
    panel = team.get_by_role("complementary", name="About write")
    expect(panel).to_contain_text("golden-1")
    expect(panel).to_contain_text("200 in · 40 out")
    expect(panel).to_contain_text("Looking at moons.")
    expect(panel).to_contain_text(re.compile(r"Time\d"))
    team.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(node(team, "write")).to_be_focused()


def test_a_failed_node_has_its_error(team: Page, graphs_server: Served) -> None:
    team.goto(f"{graphs_server.url}/#/team/graph/{start(graphs_server, text='fail')}")

    node(team, "plan").click()

    panel = team.get_by_role("complementary", name="About plan")
    expect(panel.locator(".graph-panel-error")).to_contain_text("The graph has raised an error")


def test_a_node_that_asks_leads_to_the_chat(team: Page, graphs_server: Served) -> None:
    team.goto(f"{graphs_server.url}/#/review/graph/{start(graphs_server, 'review')}")
    expect(node(team, "review")).to_have_attribute("data-state", "waiting")

    node(team, "review").click()
    team.get_by_role("link", name="Answer in the chat").click()

    expect(team.get_by_text("send_email").first).to_be_visible()


def test_the_keyboard_moves_along_the_edges_unfolds_and_zooms(team: Page, graphs_server: Served) -> None:
    open_ended(team, graphs_server)
    node(team, "plan").focus()

    team.keyboard.press("ArrowDown")
    expect(node(team, "research")).to_be_focused()
    team.keyboard.press(" ")
    title = team.get_by_role("button", name="sub-graph research")
    expect(title).to_be_focused()
    team.keyboard.press("ArrowDown")
    expect(node(team, "research:look")).to_be_focused()
    team.keyboard.press("Enter")
    expect(team.get_by_role("complementary", name="About look")).to_be_visible()
    team.keyboard.press("Escape")
    team.keyboard.press("ArrowUp")
    expect(title).to_be_focused()

    scale = team.locator(".graph-scale")
    team.keyboard.press("0")
    whole = scale.inner_text()
    team.keyboard.press("+")
    expect(scale).not_to_have_text(whole)
    team.keyboard.press("0")
    expect(scale).to_have_text(whole)
    team.keyboard.press("Enter")
    expect(node(team, "research")).to_be_focused()


def test_what_is_unfolded_is_remembered(team: Page, graphs_server: Served) -> None:
    team.goto(f"{graphs_server.url}/#/team/graph")
    node(team, "research").locator(".toggle").click()
    expect(node(team, "research:look")).to_be_visible()

    team.get_by_role("link", name="Chat", exact=True).click()
    team.get_by_role("link", name="Graph", exact=True).click()

    expect(node(team, "research:look")).to_be_visible()
    team.locator(".cluster-title").click()
    expect(node(team, "research")).to_be_visible()


def test_the_drawing_is_moved_and_made_larger_by_the_mouse(team: Page, graphs_server: Served) -> None:
    open_ended(team, graphs_server)
    canvas = team.locator(".graph-canvas")
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] - 60, box["y"] + 60
    scale = team.locator(".graph-scale")
    before, at = scale.inner_text(), node(team, "plan").bounding_box()
    assert at is not None

    team.mouse.move(x, y)
    team.mouse.down()
    team.mouse.move(x - 80, y + 40, steps=4)
    team.mouse.up()
    moved = node(team, "plan").bounding_box()
    assert moved is not None
    assert (moved["x"], moved["y"]) == pytest.approx((at["x"] - 80, at["y"] + 40), abs=1)
    team.mouse.wheel(0, -200)
    expect(scale).not_to_have_text(before)
    team.get_by_role("button", name="Fit to the window").click()
    expect(scale).to_have_text(before)


def test_a_large_graph_is_drawn_whole(team: Page, graphs_server: Served) -> None:
    team.goto(f"{graphs_server.url}/#/large/graph/{start(graphs_server, 'large')}")

    expect(team.locator('.node[data-state="done"]')).to_have_count(100)
    expect(taken(team)).to_have_count(150)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, graphs_server: Served, axe: str, scheme: str) -> None:
    watch = Watch(graphs_server.url)
    context = watch.context(browser, color_scheme=scheme, viewport={"width": 390, "height": 844})
    try:
        page = context.new_page()
        page.goto(f"{graphs_server.url}/#/team/graph/{start(graphs_server)}")
        page.get_by_role("button", name="Unfold all sub-graphs").click()
        expect(node(page, "advise")).to_have_attribute("data-state", "done")
        node(page, "research:look").click()
        page.get_by_text("Nodes and what they did").click()

        assert axe_finds(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 390
    finally:
        context.close()
    assert watch.problems == []
