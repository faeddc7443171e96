"""The tutorial's REST: /health and /chat."""

import json
from collections.abc import Iterator

import httpx
import pytest
import requests

from tests.conftest import Serve
from tests.patience import PATIENCE_S
from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream

QUESTION = "what is the square root of 71?"


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield client


def test_health_is_good(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "🤙"}


def test_chat_answers_in_text_by_post_and_by_get(client: httpx.Client) -> None:
    posted = client.post("/chat", json={"text": QUESTION})
    got = client.get("/chat", params={"text": QUESTION})

    assert posted.headers["content-type"] == "text/plain; charset=utf-8"
    assert "8.426" in posted.text
    assert got.text == posted.text


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "text/html,application/xhtml+xml,*/*;q=0.8"])
def test_chat_is_text_unless_json_is_asked_for_by_name(client: httpx.Client, accept: str) -> None:
    response = client.get("/chat", params={"text": "hi there!"}, headers={"accept": accept})

    assert response.headers["content-type"].startswith("text/plain")


def test_chat_as_json_has_the_tutorials_keys_and_the_thread_so_far(
    client: httpx.Client, thread_id: str
) -> None:
    headers = {"accept": "application/json"}
    first = client.post(
        "/chat", json={"text": "my name is Ada", "thread_id": thread_id}, headers=headers
    ).json()

    second = client.post(
        "/chat", json={"text": "what is my name?", "thread_id": thread_id}, headers=headers
    ).json()

    assert list(first) == ["input", "chat_history", "output"]
    assert first["chat_history"] == []
    assert second["input"] == "what is my name?"
    assert second["chat_history"] == [
        {"type": "human", "content": "my name is Ada"},
        {"type": "ai", "content": first["output"]},
    ]
    assert "Ada" in second["output"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "text"),
        ({"text": 5}, "text"),
        ({"text": None}, "text"),
        ({"text": " "}, "text"),
        ({"text": "x", "thread_id": "a b"}, "thread_id"),
        ({"text": "x", "thread_id": None}, "thread_id"),
        ({"text": "x", "thread": "t"}, "thread"),
    ],
)
def test_a_bad_body_is_refused_by_its_field(client: httpx.Client, body: object, field: str) -> None:
    response = client.post("/chat", json=body)

    assert (response.status_code, response.json()["detail"].split(": ")[0]) == (422, field)


@pytest.mark.parametrize(
    ("query", "field"),
    [("text=a%00b", "text"), ("text=hi&thread=t", "thread"), ("text=hi&thread_id=a%20b", "thread_id")],
)
def test_a_bad_query_is_refused_by_its_field(client: httpx.Client, query: str, field: str) -> None:
    response = client.get(f"/chat?{query}")

    assert (response.status_code, response.json()["detail"].split(": ")[0]) == (422, field)


class TestTheTutorialsClient:
    """requests.get(url, json=..), as the tutorial's own client asks."""

    def test_it_gets_the_complete_answer(self, server: Served) -> None:
        response = requests.get(f"{server.url}/chat", json={"text": QUESTION}, timeout=PATIENCE_S)

        assert response.status_code == 200
        assert "8.426" in response.text

    def test_it_streams(self, server: Served) -> None:
        with requests.get(
            f"{server.url}/chat", json={"text": QUESTION}, stream=True, timeout=PATIENCE_S
        ) as response:
            pieces = [str(piece) for piece in response.iter_content(None, decode_unicode=True)]

        assert "8.426" in "".join(pieces)

    def test_it_gets_json_with_the_thread_it_names(self, server: Served, thread_id: str) -> None:
        response = requests.get(
            f"{server.url}/chat",
            json={"text": QUESTION, "thread_id": thread_id, "graph": "agent"},
            headers={"accept": "application/json"},
            timeout=PATIENCE_S,
        )

        assert response.headers["x-thread-id"] == thread_id
        assert response.json()["input"] == QUESTION

    def test_a_bad_body_is_refused_by_its_field(self, server: Served) -> None:
        response = requests.get(f"{server.url}/chat", json={"text": 5}, timeout=PATIENCE_S)

        assert (response.status_code, response.json()["detail"].split(": ")[0]) == (422, "text")

    def test_a_body_and_a_query_together_are_refused(self, server: Served) -> None:
        response = requests.get(f"{server.url}/chat?text=hi", json={"text": "hi"}, timeout=PATIENCE_S)

        assert (response.status_code, response.json()["detail"]) == (
            422,
            "body: can't be given together with a query",
        )


def test_chat_asks_the_graph_that_is_named(serve: Serve) -> None:
    served = serve(
        {
            "agent": PARROT.format(mark="!"),
            "other": PARROT.format(mark="?"),
            "count": COUNTING,
            "broken": "no.py:graph",
        }
    )

    with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client:
        answers = [
            client.post("/chat", json={"text": "polly"} | named).text
            for named in ({}, {"graph": "agent"}, {"graph": "other"})
        ]
        by_query = client.get("/chat", params={"text": "polly", "graph": "other"}).text
        unknown = client.post("/chat", json={"text": "x", "graph": "none"})
        broken = client.post("/chat", json={"text": "x", "graph": "broken"})
        without_messages = client.post("/chat", json={"text": "x", "graph": "count"})

    assert answers == ["polly!", "polly!", "polly?"]
    assert by_query == "polly?"
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_graph")
    assert (broken.status_code, broken.json()["code"]) == (503, "graph_broken")
    assert (without_messages.status_code, without_messages.json()["detail"].split(": ")[0]) == (422, "graph")


PARROT = """
from typing import Annotated
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.graph import START, StateGraph, add_messages
from typing_extensions import TypedDict

class State(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages]

def speak(state: State) -> State:
    return {{"messages": [AIMessage(state["messages"][-1].text + "{mark}")]}}

graph = StateGraph(State).add_node("speak", speak).add_edge(START, "speak")
"""
COUNTING = """
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

class State(TypedDict):
    count: int

graph = StateGraph(State).add_node("count", lambda state: {"count": 1}).add_edge(START, "count")
"""


def test_two_accept_headers_are_both_read(client: httpx.Client) -> None:
    headers = [("accept", "text/plain"), ("accept", "application/json;q=0.9")]

    response = client.get("/chat", params={"text": "hi there!"}, headers=headers)

    assert response.headers["content-type"] == "application/json"


def test_an_empty_question_by_get_is_refused(client: httpx.Client) -> None:
    assert client.get("/chat").status_code == 422


def test_a_cut_answer_does_not_look_complete(upstream_env: Upstream, client: httpx.Client) -> None:
    upstream_env.script(lambda _body: Reply(text=["one ", "two"], breaks="reset", after=1))

    with client.stream("POST", "/chat", json={"text": "count"}) as response:
        pieces = response.iter_text()
        assert next(pieces) == "one "
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)


def test_an_answer_without_text_is_empty_and_complete(upstream_env: Upstream, client: httpx.Client) -> None:
    upstream_env.script([Reply(text="")])

    response = client.post("/chat", json={"text": "say nothing"})

    assert (response.status_code, response.text) == (200, "")


class TestEvents:
    def test_the_head_and_pings_are_sent_before_the_first_token(
        self, upstream_env: Upstream, serve: Serve, thread_id: str
    ) -> None:
        upstream_env.script([Reply(text="one two", breaks="silence")])
        served, body = serve(ping_s=0.05), {"text": "hi", "thread_id": thread_id}
        headers = {"accept": "text/event-stream"}

        with httpx.stream(
            "POST", f"{served.url}/chat", json=body, headers=headers, timeout=PATIENCE_S
        ) as response:
            lines = response.iter_lines()
            assert response.headers["x-thread-id"] == thread_id
            while next(lines) != ": ping":
                pass
            busy = httpx.post(f"{served.url}/chat", json=body, headers=headers, timeout=PATIENCE_S)
            upstream_env.resume()
            rest = [line for line in lines if line and not line.startswith(":")]

        assert (busy.status_code, busy.json()["code"]) == (409, "thread_busy")
        assert rest[-2:] == ["event: end", "data: {}"]
        tokens = [json.loads(line[6:]) for line in rest if line.startswith('data: "')]
        assert "".join(tokens) == "one two"

    def test_a_failure_is_an_event(self, upstream_env: Upstream, server: Served) -> None:
        upstream_env.script(lambda _body: Reply(text=["one ", "two "], breaks="reset", after=1))

        response = httpx.get(
            f"{server.url}/chat",
            params={"text": "hi"},
            headers={"accept": "text/event-stream"},
            timeout=PATIENCE_S,
        )

        assert response.status_code == 200
        events = response.text.split("\n\n")
        assert events[1] == 'event: data\ndata: "one "'
        assert '"code":"upstream_disconnected"' in events[2]
        assert events[2].startswith("event: error")
