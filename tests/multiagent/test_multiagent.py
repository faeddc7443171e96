"""Supervisors, swarms and deep agents from their packages: the right agent's tokens are the answer.

The other agents' texts are there as steps, under the namespace of their graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Serve
from tests.patience import PATIENCE_S
from tests.projects.ways import WAYS, Way, answer_of, output_of, pieces, run_events

HERE = Path(__file__).parent
GRAPHS = {
    "supervisor": f"{HERE}/graphs.py:supervisor",
    "swarm": f"{HERE}/graphs.py:swarm",
    "deep": f"{HERE}/deep.py:graph",
}
ANSWERS = {
    "supervisor": "Together that is 42.",
    "swarm": "Ahoy, Bob heard 1 of you.",
    "deep": "The moon makes the tides.",
}
pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning"),
    # langgraph-supervisor's own, of what it imports
    pytest.mark.filterwarnings("ignore::langgraph.warnings.LangGraphDeprecatedSinceV10"),
]


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_answer_is_the_last_agents_text(serve: Serve, graph: str, way: Way) -> None:
    served = serve({graph: GRAPHS[graph]})

    assert way(served.url, graph, f"/{graph}") == ANSWERS[graph]


@pytest.mark.parametrize("graph", ["swarm", "deep"])
def test_the_answer_is_streamed_a_word_a_piece(serve: Serve, graph: str) -> None:
    served = serve({graph: GRAPHS[graph]})

    got = [piece for piece in pieces(served.url, f"/{graph}") if piece]

    assert len(got) == len(ANSWERS[graph].split(" "))


def test_a_supervisors_answer_is_streamed_once_its_place_is_known(serve: Serve) -> None:
    served = serve({"supervisor": GRAPHS["supervisor"]})
    pieces(served.url, "/supervisor")

    got = [piece for piece in pieces(served.url, "/supervisor") if piece]

    assert "".join(got) == ANSWERS["supervisor"]
    assert len(got) == len(ANSWERS["supervisor"].split(" "))


def test_a_supervisors_agents_and_handoffs_are_in_the_events(serve: Serve) -> None:
    served = serve({"supervisor": GRAPHS["supervisor"]})

    events = list(run_events(served.url, "/supervisor", {"input": "hi"}))

    assert _tools(events) == ["transfer_to_adder", "add", "transfer_back_to_supervisor"]
    assert _text_of(events, "adder") == "I make it 42."
    assert _text_of(events, "supervisor") == "Together that is 42."
    assert answer_of(events) == output_of(served.url, "/supervisor", events) == ANSWERS["supervisor"]


def test_a_swarm_continues_with_the_agent_that_answered_last(serve: Serve) -> None:
    served = serve({"swarm": GRAPHS["swarm"]})
    body = {"input": "hi", "thread_id": "ship"}

    first = list(run_events(served.url, "/swarm", body))
    second = list(run_events(served.url, "/swarm", body))

    assert _tools(first) == ["transfer_to_bob"]
    assert _tools(second) == []
    assert _text_of(first, "bob") == answer_of(first) == "Ahoy, Bob heard 1 of you."
    assert _text_of(second, "bob") == answer_of(second) == "Ahoy, Bob heard 2 of you."
    assert _state(served.url, "swarm", "ship")["active_agent"] == "bob"


def test_a_deep_agents_sub_agent_is_a_step_and_its_work_is_in_the_state(serve: Serve) -> None:
    served = serve({"deep": GRAPHS["deep"]})

    events = list(run_events(served.url, "/deep", {"input": "hi", "thread_id": "sea"}))

    assert _tools(events) == ["task", "write_file", "write_todos"]
    steps = [data["text"] for kind, data in events if kind == "token" and data["channel"] == "step"]
    assert "".join(steps) == _text_of(events, "tools") == "My notes are in a file."
    state = _state(served.url, "deep", "sea")
    assert state["files"]["/notes.md"]["content"] == "It is the moon."
    assert [each["status"] for each in state["todos"]] == ["completed", "in_progress"]


def _tools(events: list[tuple[str, Any]]) -> list[str]:
    return [data["name"] for kind, data in events if kind == "tool_call" and data["name"]]


def _text_of(events: list[tuple[str, Any]], agent: str) -> str:
    """Return the models' texts in a node of the outermost graph, as the namespace names it."""
    own = {
        data["message_id"]
        for kind, data in events
        if kind == "message" and data["namespace"] and data["namespace"][0].partition(":")[0] == agent
    }
    tokens = [data for kind, data in events if kind == "token" and data["message_id"] in own]
    return "".join(each["text"] for each in tokens)


def _state(url: str, graph: str, thread_id: str) -> dict[str, Any]:
    response = httpx.get(f"{url}/{graph}/threads/{thread_id}", timeout=PATIENCE_S).raise_for_status()
    values: dict[str, Any] = response.json()["values"]
    return values
