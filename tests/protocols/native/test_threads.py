"""The native routes of threads, and of the graph itself, over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import Serve
from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream

THREADS = "/agent/threads"

COUNTING = """
import operator
from typing import Annotated
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

class State(TypedDict):
    count: Annotated[int, operator.add]

builder = StateGraph(State)
builder.add_node("add", lambda state: {"count": 1})
builder.add_edge(START, "add")
graph = builder.compile()
"""


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
def own(serve: Serve) -> Iterator[httpx.Client]:
    """A client of a server that no other test talks to."""
    with httpx.Client(base_url=serve().url, timeout=PATIENCE_S) as client:
        yield client


def talk(client: httpx.Client, thread_id: str, text: str = "hello", graph: str = "agent") -> str:
    """Run once on the thread, to the end; return the run's id."""
    response = client.post(f"/{graph}/runs", json={"input": text, "thread_id": thread_id})
    assert response.status_code == 201, response.text
    run_id: str = response.json()["run_id"]
    assert all_events(client, f"/{graph}/runs/{run_id}/events")[-1].kind == "finished"
    return run_id


def code_of(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def ids(page: dict[str, Any]) -> list[str]:
    return [each["thread_id"] for each in page["threads"]]


class TestList:
    def test_pages_lead_through_all_threads_newest_first(self, own: httpx.Client) -> None:
        for name in ("a", "b", "c", "d", "e", "b"):
            talk(own, name)
        talk(own, "x", graph="llm")

        pages, cursor = [], None
        while True:
            asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = own.get(THREADS, params=asked).json()
            pages.append(ids(page))
            cursor = page["next_cursor"]
            if cursor is None:
                break

        assert pages == [["b", "e"], ["d", "c"], ["a"]]
        assert ids(own.get(THREADS).json()) == ["b", "e", "d", "c", "a"]
        assert ids(own.get("/llm/threads").json()) == ["x"]

    def test_a_page_that_is_just_full_is_the_last(self, own: httpx.Client) -> None:
        for name in ("a", "b"):
            talk(own, name)

        assert own.get(THREADS, params={"limit": 2}).json()["next_cursor"] is None

    def test_what_a_thread_shows(self, own: httpx.Client) -> None:
        run_id = talk(own, "t", "what is\n the square root of 71?")

        (thread,) = own.get(THREADS).json()["threads"]

        assert thread.pop("created_at").endswith("+00:00")
        assert thread.pop("updated_at").endswith("+00:00")
        assert thread == {
            "thread_id": "t",
            "graph": "agent",
            "title": "what is the square root of 71?",
            "status": "idle",
            "run_id": run_id,
        }

    def test_a_search_finds_titles_whatever_their_case(self, own: httpx.Client) -> None:
        talk(own, "a", "My name is ADA")
        talk(own, "b", "100 % sure")

        found = {q: ids(own.get(THREADS, params={"q": q}).json()) for q in ("ada", "%", "'; --", "")}

        assert found == {"ada": ["a"], "%": ["b"], "'; --": [], "": ["b", "a"]}

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            *((f"limit={limit}", "limit") for limit in ("0", "101", "-1", "1.5", "x", "", "²", "9" * 50)),
            *((f"cursor={cursor}", "cursor") for cursor in ("x", "-1", "1.5", "", "1-1", "9" * 19, "%00")),
            ("q=a%00b", "q"),
            ("q=" + "x" * 201, "q"),
            ("offset=5", "offset"),
        ],
    )
    def test_bad_questions_are_refused_by_their_field(
        self, client: httpx.Client, query: str, field: str
    ) -> None:
        response = client.get(f"{THREADS}?{query}")

        assert code_of(response) == (422, "invalid_input")
        assert response.json()["detail"].startswith(f"{field}: ")


class TestState:
    def test_a_thread_has_its_messages(self, client: httpx.Client, thread_id: str) -> None:
        run_id = talk(client, thread_id, "my name is Ada")

        thread = client.get(f"{THREADS}/{thread_id}").json()

        messages = thread["values"]["messages"]
        assert (messages[0]["type"], messages[0]["content"]) == ("human", "my name is Ada")
        assert messages[-1]["type"] == "ai"
        assert (thread["thread_id"], thread["run_id"], thread["status"]) == (thread_id, run_id, "idle")
        assert (thread["next"], thread["interrupts"]) == ([], [])
        newest = client.get(f"{THREADS}/{thread_id}/history").json()["checkpoints"][0]
        assert thread["checkpoint_id"] == newest["checkpoint_id"]

    def test_a_run_is_seen_on_its_thread(
        self, upstream_env: Upstream, client: httpx.Client, thread_id: str
    ) -> None:
        upstream_env.script([Reply(text=["one ", "two"], breaks="silence", after=1)])
        run_id = client.post("/agent/runs", json={"input": "x", "thread_id": thread_id}).json()["run_id"]
        upstream_env.next_request()

        busy = client.get(f"{THREADS}/{thread_id}").json()
        refused = client.delete(f"{THREADS}/{thread_id}")
        upstream_env.resume()
        all_events(client, f"/agent/runs/{run_id}/events")

        assert busy["status"] == "busy"
        assert code_of(refused) == (409, "thread_busy")
        assert client.get(f"{THREADS}/{thread_id}").json()["status"] == "idle"

    def test_history_is_read_page_by_page(self, client: httpx.Client, thread_id: str) -> None:
        first, second = (talk(client, thread_id, text) for text in ("my name is Ada", "what is my name?"))
        path = f"{THREADS}/{thread_id}/history"

        whole = client.get(path, params={"limit": 100}).json()["checkpoints"]
        pages, before = [], None
        while page := client.get(path, params={"limit": 2} | ({"before": before} if before else {})).json()[
            "checkpoints"
        ]:
            pages += page
            before = page[-1]["checkpoint_id"]

        assert pages == whole
        assert {each["run_id"] for each in whole} == {first, second}
        assert set(whole[0]) == {
            "checkpoint_id", "parent_checkpoint_id", "created_at", "run_id", "source", "step", "next",
            "interrupts", "values",
        }  # fmt: skip
        assert whole[-1]["parent_checkpoint_id"] is None

    def test_a_page_of_history_names_the_next(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id)
        path = f"{THREADS}/{thread_id}/history"

        states, before = [], ""
        while before is not None:
            asked = {"limit": "2", "select": "step"} | ({"before": before} if before else {})
            page = client.get(path, params=asked).json()
            states += page["checkpoints"]
            before = page["next_before"]

        assert [each["step"] for each in states] == list(range(len(states) - 2, -2, -1))

    @pytest.mark.parametrize(
        ("query", "field"),
        [("limit=0", "limit"), ("before=", "before"), ("before=a%20b", "before"), ("after=x", "after")],
    )
    def test_a_bad_question_to_history_is_refused_by_its_field(
        self, client: httpx.Client, thread_id: str, query: str, field: str
    ) -> None:
        talk(client, thread_id)

        response = client.get(f"{THREADS}/{thread_id}/history?{query}")

        assert code_of(response) == (422, "invalid_input")
        assert response.json()["detail"].startswith(f"{field}: ")

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("before=-1&key=messages", "before"),
            ("before=x&key=messages", "before"),
            ("before=1", "key"),
            ("key=", "key"),
            ("key=none", "key"),
            ("select=values", "select"),
        ],
    )
    def test_a_bad_question_to_a_state_is_refused_by_its_field(
        self, client: httpx.Client, thread_id: str, query: str, field: str
    ) -> None:
        talk(client, thread_id)

        response = client.get(f"{THREADS}/{thread_id}?{query}")

        assert code_of(response) == (422, "invalid_input")
        assert response.json()["detail"].startswith(f"{field}: ")

    def test_history_before_what_is_no_checkpoint_is_404(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id)

        response = client.get(f"{THREADS}/{thread_id}/history?before=none")

        assert code_of(response) == (404, "unknown_checkpoint")

    def test_a_graph_without_messages_shows_its_own_state(self, serve: Serve) -> None:
        with httpx.Client(base_url=serve({"count": COUNTING}).url, timeout=PATIENCE_S) as client:
            run = client.post("/count/runs", json={"input": {"count": 4}, "thread_id": "t"}).json()
            all_events(client, f"/count/runs/{run['run_id']}/events")

            thread = client.get("/count/threads/t").json()

        assert (thread["values"], thread["title"]) == ({"count": 5}, "")

    def test_what_a_graph_could_not_write_is_no_part_of_its_state(self, serve: Serve) -> None:
        with httpx.Client(base_url=serve({"nothing": WRITES_NOTHING}).url, timeout=PATIENCE_S) as client:
            run = client.post("/nothing/runs", json={"input": "hi", "thread_id": "t"}).json()
            events = all_events(client, f"/nothing/runs/{run['run_id']}/events")

            thread = client.get("/nothing/threads/t")

        assert events[-1].data["code"] == "graph_error"
        assert (thread.status_code, thread.json()["next"]) == (200, ["say"])
        assert [message["content"] for message in thread.json()["values"]["messages"]] == ["hi"]


WRITES_NOTHING = """
from langgraph.graph import START, MessagesState, StateGraph

def say(state: MessagesState):
    return {"messages": None}

graph = StateGraph(MessagesState).add_node(say).add_edge(START, "say").compile()
"""


class TestChange:
    def test_a_thread_is_renamed(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id)

        response = client.patch(f"{THREADS}/{thread_id}", json={"title": "  漢字\n👩‍👩‍👧 "})

        assert (response.status_code, response.json()["title"]) == (200, "漢字 👩‍👩‍👧")
        assert client.get(f"{THREADS}/{thread_id}").json()["title"] == "漢字 👩‍👩‍👧"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "title"),
            ([], "body"),
            ({"title": None}, "title"),
            ({"title": 5}, "title"),
            ({"title": "  "}, "title"),
            ({"title": "x" * 201}, "title"),
            ({"title": "a\x00b"}, "title"),
            ({"title": "x", "status": "idle"}, "status"),
        ],
    )
    def test_a_bad_title_is_refused(
        self, client: httpx.Client, thread_id: str, body: object, field: str
    ) -> None:
        talk(client, thread_id)

        response = client.patch(f"{THREADS}/{thread_id}", json=body)

        assert code_of(response) == (422, "invalid_input")
        assert response.json()["detail"].startswith(f"{field}: ")
        assert client.get(f"{THREADS}/{thread_id}").json()["title"] == "hello"

    def test_a_deleted_thread_is_gone_with_its_runs(self, client: httpx.Client, thread_id: str) -> None:
        run_id = talk(client, thread_id, "my name is Ada")

        response = client.delete(f"{THREADS}/{thread_id}")

        assert (response.status_code, response.content) == (204, b"")
        assert code_of(client.get(f"{THREADS}/{thread_id}")) == (404, "unknown_thread")
        assert code_of(client.get(f"/agent/runs/{run_id}")) == (404, "unknown_run")
        assert code_of(client.get(f"/agent/runs/{run_id}/events")) == (404, "unknown_run")
        assert code_of(client.delete(f"{THREADS}/{thread_id}")) == (404, "unknown_thread")
        talk(client, thread_id, "what is my name?")
        messages = client.get(f"{THREADS}/{thread_id}").json()["values"]["messages"]
        assert [each["content"] for each in messages if each["type"] == "human"] == ["what is my name?"]


class TestAddresses:
    def test_a_thread_that_is_unknown_or_another_graphs_is_404(
        self, client: httpx.Client, thread_id: str
    ) -> None:
        talk(client, thread_id)

        for path in (f"{THREADS}/none", f"/llm/threads/{thread_id}"):
            assert code_of(client.get(path)) == (404, "unknown_thread")
            assert code_of(client.get(f"{path}/history")) == (404, "unknown_thread")
            assert code_of(client.patch(path, json={"title": "x"})) == (404, "unknown_thread")
            assert code_of(client.delete(path)) == (404, "unknown_thread")
        assert client.get(f"{THREADS}/{thread_id}").status_code == 200

    @pytest.mark.parametrize(
        "name", ["%00", "a%20b", "-a", "x" * 129, "%F0%9F%99%82", "null%0a", "%ED%A0%80"]
    )
    def test_what_can_name_no_thread_is_refused(self, client: httpx.Client, name: str) -> None:
        for response in (
            client.get(f"{THREADS}/{name}"),
            client.get(f"{THREADS}/{name}/history"),
            client.patch(f"{THREADS}/{name}", json={"title": "x"}),
            client.delete(f"{THREADS}/{name}"),
        ):
            assert code_of(response) == (422, "invalid_input")
            assert response.json()["detail"].startswith("thread_id: ")

    def test_other_methods_are_405(self, client: httpx.Client) -> None:
        assert code_of(client.delete(THREADS)) == (405, "method_not_allowed")
        assert code_of(client.put(f"{THREADS}/x", json={})) == (405, "method_not_allowed")
        assert code_of(client.delete("/agent/graph")) == (405, "method_not_allowed")

    def test_what_the_graph_takes_is_described(self, client: httpx.Client) -> None:
        schemas = client.get("/agent/schemas").json()

        assert schemas["context"] is None
        assert "messages" in str(schemas["input"])

    def test_the_graph_can_be_drawn(self, client: httpx.Client) -> None:
        graph = client.get("/agent/graph").json()

        assert {node["id"] for node in graph["nodes"]} == {"__start__", "model", "tools", "__end__"}
        edges = {(edge["source"], edge["target"]) for edge in graph["edges"]}
        assert {("__start__", "model"), ("model", "tools"), ("tools", "model")} <= edges
