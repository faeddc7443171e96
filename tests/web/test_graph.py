"""The graph drawn, and lit while it runs."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.replies import Reply, ToolCall
from tests.serving import Served
from tests.upstream import Upstream

pytestmark = pytest.mark.browser


def test_a_graph_is_drawn_with_its_conditional_edges_and_as_a_list(page: Page, page_server: Served) -> None:
    page.goto(f"{page_server.url}/#/agent/graph")

    expect(page.get_by_role("img", name="Drawing of the graph agent")).to_be_visible()
    expect(page.locator(".edge.is-conditional")).not_to_have_count(0)
    page.get_by_text("Nodes and edges as a list").click()
    expect(page.get_by_role("listitem").filter(has_text="Start leads to")).to_have_count(1)


def test_the_node_that_runs_is_lit_until_it_has_ended(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    call = ToolCall("calculator", {"expression": "6 * 7"})
    upstream.script([Reply(tool_calls=[call]), Reply(text=["It is ", "42."], breaks="silence", after=1)])
    run = httpx.post(f"{page_server.url}/agent/runs", json={"input": "what is 6 times 7?"}).json()

    page.goto(f"{page_server.url}/#/agent/graph/{run['run_id']}")
    lit = page.locator(".node.is-running")
    expect(lit).to_have_count(1)
    name = lit.get_attribute("data-node")
    upstream.resume()

    expect(lit).to_have_count(0)
    expect(page.locator(f'.node.is-done[data-node="{name}"]')).to_contain_text("2×")
