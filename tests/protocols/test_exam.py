"""The exam: each behaviour through every protocol, over a real server and a real upstream."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from tests.conftest import Serve
from tests.patience import PATIENCE_S
from tests.protocols.behaviours import STREAMS, WIRES, Wire
from tests.replies import CONTEXT_TOO_LONG, FORBIDDEN, RATE_LIMITED, UNAUTHORIZED, Refusal, Reply, ToolCall
from tests.serving import Served
from tests.upstream import Upstream

QUESTION = "what is the square root of 71?"
LEAVES_WITHIN_S = 1.0


def _name(wire: Wire) -> str:
    return f"{wire}{getattr(wire, 'path', '')}"


every_wire = pytest.mark.parametrize("wire", WIRES, ids=_name)
every_attached = pytest.mark.parametrize("wire", [w for w in WIRES if w.is_attached], ids=_name)

every_stream = pytest.mark.parametrize("wire", STREAMS, ids=_name)


@contextmanager
def busy(client: httpx.Client, thread_id: str) -> Iterator[Iterator[str]]:
    """Have a run on the thread that has emitted its first token; yield its later ones."""
    with STREAMS[0].ask(client, "count", thread_id=thread_id) as answer:
        tokens = answer.tokens()
        next(tokens)
        yield tokens


def whole(wire: Wire, client: httpx.Client, thread_id: str, on_busy: str) -> tuple[str, str | None]:
    with wire.ask(client, "me too", thread_id=thread_id, on_busy=on_busy) as answer:
        return answer.text(), answer.error_code


def wait_for_the_second(client: httpx.Client, thread_id: str) -> None:
    """Wait until the thread's newest run is one that waits for its turn."""
    status, deadline = "running", time.monotonic() + 20
    while status == "running" and time.monotonic() < deadline:
        run_id = client.get(f"/agent/threads/{thread_id}").json()["run_id"]
        status = client.get(f"/agent/runs/{run_id}").json()["status"]
    assert status == "pending"


def contents(client: httpx.Client, thread_id: str) -> list[str]:
    """Return the thread's texts, oldest first."""
    state = client.get(f"/agent/threads/{thread_id}").json()
    return [message["content"] for message in state["values"]["messages"]]


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
def paced(paced_server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=paced_server.url, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
def relayed(upstream_env: Upstream, server: Served, client: httpx.Client) -> httpx.Client:
    """A client of a server whose model is the upstream."""
    return client


@every_wire
def test_it_shows_the_final_answer_and_no_step(client: httpx.Client, wire: Wire) -> None:
    with wire.ask(client, QUESTION) as answer:
        text = answer.text()

    assert "8.426" in text
    assert "calculator" not in text
    assert answer.error_code is None


@every_stream
def test_it_streams_in_at_least_four_tokens_what_invoke_returns(paced: httpx.Client, wire: Wire) -> None:
    whole = paced.post("/agent/invoke", json={"input": QUESTION}).json()["output"]

    with wire.ask(paced, QUESTION) as answer:
        tokens = list(answer.tokens())

    assert len(tokens) >= (4 if wire.keeps_tokens_apart else 1)  # the next test sees that they aren't held
    assert "".join(tokens) == whole


@every_stream
def test_it_shows_tokens_before_the_answer_is_complete(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire
) -> None:
    upstream_env.script([Reply(text=["one ", "two ", "three"], breaks="silence", after=2)])

    with wire.ask(relayed, "count") as answer:
        tokens = answer.tokens()
        first = [next(tokens)]
        while "".join(first) != "one two ":
            first.append(next(tokens))
        upstream_env.resume()
        rest = list(tokens)

    assert "".join(rest) == "three"


@every_wire
def test_it_runs_the_tools_of_a_real_upstream(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire
) -> None:
    calls = [ToolCall("calculator", {"expression": "6*7"})]
    upstream_env.script([Reply(tool_calls=calls), Reply(text="It is 42.")])

    with wire.ask(relayed, "six times seven?") as answer:
        assert answer.text() == "It is 42."

    assert upstream_env.requests[1].body["messages"][-1]["content"] == "42"


@every_wire
def test_text_before_a_tool_call_stays_in_a_stream_and_is_no_part_of_the_answer(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire
) -> None:
    calls = [ToolCall("calculator", {"expression": "6*7"})]
    upstream_env.script([Reply(text="Let me see.", tool_calls=calls), Reply(text="It is 42.")])

    with wire.ask(relayed, "six times seven?") as answer:
        text = answer.text()

    assert text == ("Let me see.\n\nIt is 42." if wire.streams else "It is 42.")


@every_wire
def test_it_remembers_within_a_thread_only(client: httpx.Client, wire: Wire, thread_id: str) -> None:
    with wire.ask(client, "my name is Ada", thread_id=thread_id) as answer:
        answer.text()

    with wire.ask(client, "what is my name?", thread_id=thread_id) as answer:
        same = answer.text()
    with wire.ask(client, "what is my name?", thread_id="another-" + thread_id) as answer:
        other = answer.text()

    assert "Ada" in same
    assert "Ada" not in other


@every_wire
@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (UNAUTHORIZED, "upstream_auth"),
        (FORBIDDEN, "upstream_auth"),
        (CONTEXT_TOO_LONG, "context_length_exceeded"),
        (Refusal(status=404, code="model_not_found"), "model_not_found"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_reports_what_the_upstream_refused(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire, refusal: Refusal, code: str
) -> None:
    upstream_env.script(lambda _body: refusal)

    with wire.ask(relayed, "hello") as answer:
        text = answer.text()

    assert (text, answer.error_code) == ("", code)


@every_wire
def test_it_reports_that_an_answer_broke_off(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire
) -> None:
    upstream_env.script(lambda _body: Reply(text=["one ", "two ", "three"], breaks="reset", after=2))

    with wire.ask(relayed, "count") as answer:
        text = answer.text()

    if not wire.streams:
        assert (text, answer.error_code) == ("", "upstream_disconnected")
    elif wire.says_failure_in_mid_stream:
        assert (text, answer.error_code) == ("one two ", "upstream_disconnected")
    else:
        assert (text, answer.error_code) == ("one two ", "cut")


@every_wire
def test_an_answer_without_a_finish_reason_is_no_success(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire
) -> None:
    upstream_env.script(lambda _body: Reply(text=["one ", "two "], breaks="truncated", after=2))

    with wire.ask(relayed, "count") as answer:
        answer.text()

    assert answer.error_code in ("upstream_truncated", "cut")


@every_attached
def test_a_client_that_leaves_ends_the_upstreams_call(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire, thread_id: str
) -> None:
    upstream_env.script(
        [Reply(text=["one ", "two ", "three"], breaks="silence", after=1), Reply(text="again")]
    )
    impatient = httpx.Timeout(20, read=2)

    if wire.streams:
        with wire.ask(relayed, "count", thread_id=thread_id) as answer:
            tokens = answer.tokens()
            next(tokens)
    else:
        with (
            pytest.raises(httpx.ReadTimeout),
            httpx.Client(base_url=relayed.base_url, timeout=impatient) as other,
            wire.ask(other, "count", thread_id=thread_id) as answer,
        ):
            answer.text()

    assert upstream_env.closed_early.wait(LEAVES_WITHIN_S)


@every_wire
def test_the_connection_and_the_thread_are_usable_after_a_failure(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire, thread_id: str
) -> None:
    upstream_env.script([UNAUTHORIZED, Reply(text="fine")])
    with wire.ask(relayed, "hello", thread_id=thread_id) as answer:
        answer.text()

    with wire.ask(relayed, "again", thread_id=thread_id) as answer:
        assert answer.text() == "fine"


@every_wire
def test_a_busy_thread_is_refused_before_the_answer_begins(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire, thread_id: str
) -> None:
    upstream_env.script(lambda _body: Reply(text=["one ", "two"], breaks="silence", after=1))
    with STREAMS[0].ask(relayed, "count", thread_id=thread_id) as first:
        tokens = first.tokens()  # kept: a dropped generator closes the connection
        next(tokens)

        with wire.ask(relayed, "me too", thread_id=thread_id) as second:
            second.text()

    assert second.response.status_code == 409
    assert second.error_code == "thread_busy"


@every_wire
def test_a_run_waits_for_its_turn_on_a_busy_thread(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire, thread_id: str
) -> None:
    upstream_env.script([Reply(text=["one ", "two"], breaks="silence", after=1), Reply(text="next")])

    with busy(relayed, thread_id) as first, ThreadPoolExecutor(1) as pool:
        second = pool.submit(whole, wire, relayed, thread_id, "enqueue")
        wait_for_the_second(relayed, thread_id)
        upstream_env.resume()
        assert ("".join(first), second.result(20)) == ("two", ("next", None))

    assert contents(relayed, thread_id) == ["count", "one two", "me too", "next"]


@every_wire
def test_a_run_may_interrupt_another_whose_partial_answer_stays(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire, thread_id: str
) -> None:
    upstream_env.script([Reply(text=["one ", "two"], breaks="silence", after=1), Reply(text="next")])

    with busy(relayed, thread_id):
        assert whole(wire, relayed, thread_id, "interrupt") == ("next", None)

    assert contents(relayed, thread_id) == ["count", "one ", "me too", "next"]


@every_wire
def test_a_run_may_roll_another_back_as_if_it_had_never_been(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire, thread_id: str
) -> None:
    upstream_env.script([Reply(text=["one ", "two"], breaks="silence", after=1), Reply(text="next")])

    with busy(relayed, thread_id):
        assert whole(wire, relayed, thread_id, "rollback") == ("next", None)

    assert contents(relayed, thread_id) == ["me too", "next"]


@every_wire
def test_what_to_do_on_a_busy_thread_is_one_of_four(client: httpx.Client, wire: Wire, thread_id: str) -> None:
    with wire.ask(client, "hi", thread_id=thread_id, on_busy="panic") as answer:
        answer.text()

    assert (answer.response.status_code, answer.error_code) == (422, "invalid_input")


@every_wire
def test_an_answer_names_its_run_and_its_thread(client: httpx.Client, wire: Wire, thread_id: str) -> None:
    with wire.ask(client, "hi there!", thread_id=thread_id) as answer:
        answer.text()
    with wire.ask(client, "hi there!") as other:
        other.text()

    assert answer.response.headers["x-thread-id"] == thread_id
    assert answer.response.headers["x-run-id"] != other.response.headers["x-run-id"]
    assert other.response.headers["x-thread-id"] not in ("", thread_id)


@every_wire
@pytest.mark.parametrize(
    "text", ["👩‍👩‍👧 café 日本語 \u2028 \u2029 \u0085 שלום", "a\r\nb\rc\n\nd", " lead and trail "]
)
def test_any_text_passes_unchanged(
    relayed: httpx.Client, upstream_env: Upstream, wire: Wire, text: str
) -> None:
    upstream_env.script([Reply(text=list(text))])

    with wire.ask(relayed, text) as answer:
        assert answer.text() == text

    assert upstream_env.requests[0].body["messages"][-1]["content"] == text


def test_a_rate_limit_is_reported_with_the_upstreams_retry_after(
    relayed: httpx.Client, upstream_env: Upstream
) -> None:
    upstream_env.script(lambda _body: RATE_LIMITED)

    response = relayed.post("/agent/invoke", json={"input": "hi"})

    assert response.status_code == 429
    assert response.headers["retry-after"] == "1"


def test_a_rate_limit_longer_than_we_retry_is_reported_at_once(
    relayed: httpx.Client, upstream_env: Upstream
) -> None:
    upstream_env.script(lambda _body: replace(RATE_LIMITED, retry_after_s=60))

    for _ in range(2):  # the first chat of a model goes another way than the next
        response = relayed.post("/agent/invoke", json={"input": "hi"})
        assert (response.status_code, response.headers["retry-after"]) == (429, "60")

    assert len(upstream_env.requests) == 2


def test_a_server_of_another_graph_serves_it_at_chat(serve: Serve) -> None:
    served = serve({"parrot": PARROT})

    response = httpx.post(f"{served.url}/chat", json={"text": "polly"}, timeout=PATIENCE_S)

    assert response.text == "polly!"


PARROT = """
from typing import Annotated
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.graph import START, StateGraph, add_messages
from typing_extensions import TypedDict

class State(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages]

def speak(state: State) -> State:
    return {"messages": [AIMessage(state["messages"][-1].text + "!")]}

graph = StateGraph(State).add_node("speak", speak).add_edge(START, "speak")
"""
