"""The native routes of runs, over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import Serve
from tests.patience import PATIENCE_S
from tests.protocols.following import all_events, events, events_in, following, text_of
from tests.replies import Refusal, Reply
from tests.serving import Served
from tests.upstream import Upstream

QUESTION = "what is the square root of 71?"
EVENTS = {"accept": "text/event-stream"}
RUNS = "/agent/runs"

ASKING = """
from typing import Any
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

class State(TypedDict, total=False):
    wish: str
    said: list[Any]

def ask(state: State) -> State:
    return {"said": [interrupt({"may I": state["wish"]}), interrupt("really?")]}

builder = StateGraph(State)
builder.add_node("ask", ask)
builder.add_edge(START, "ask")
graph = builder.compile()
"""
ASKING_TWICE = """
import operator
from typing import Annotated, Any
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

class State(TypedDict, total=False):
    said: Annotated[list[Any], operator.add]

builder = StateGraph(State)
for name in ("left", "right"):
    builder.add_node(name, lambda state, name=name: {"said": [f"{name}: {interrupt(name)}"]})
    builder.add_edge(START, name)
graph = builder.compile()
"""


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
def paused(upstream_env: Upstream, client: httpx.Client) -> Upstream:
    """An upstream that sends two words of three, and then nothing until resume()."""
    upstream_env.script([Reply(text=["one ", "two ", "three"], breaks="silence", after=2)])
    return upstream_env


def start(client: httpx.Client, text: str = QUESTION, **body: Any) -> dict[str, Any]:
    response = client.post(RUNS, json={"input": text, **body})
    assert response.status_code == 201, response.text
    run: dict[str, Any] = response.json()
    return run


def ended(client: httpx.Client, run: dict[str, Any]) -> dict[str, Any]:
    """Wait for the run's end, and return it."""
    path = f"/{run['graph']}/runs/{run['run_id']}"
    all_events(client, f"{path}/events")
    found: dict[str, Any] = client.get(path).json()
    return found


def newest_thread(client: httpx.Client) -> Any:
    """Return the page with the thread whose run was started last, without what changes when that ends."""
    page = client.get("/agent/threads", params={"limit": 1}).json()
    return {**page, "threads": [{**each, "status": "", "updated_at": ""} for each in page["threads"]]}


def code_of(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


class TestStart:
    def test_a_run_continues_in_the_background(self, client: httpx.Client, thread_id: str) -> None:
        response = client.post(RUNS, json={"input": QUESTION, "thread_id": thread_id})

        run = response.json()
        assert response.status_code == 201
        assert response.headers["location"] == f"{RUNS}/{run['run_id']}"
        assert response.headers["x-run-id"] == run["run_id"]
        assert response.headers["x-thread-id"] == run["thread_id"] == thread_id
        assert run["graph"] == "agent"
        assert run["status"] in ("pending", "running")
        assert (run["output"], run["error"], run["interrupts"]) == (None, None, [])
        assert run["created_at"].endswith("+00:00")
        logged = all_events(client, f"{response.headers['location']}/events")
        after = client.get(response.headers["location"]).json()
        assert (after["status"], after["attempt"]) == ("success", 1)
        assert after["output"] == text_of(logged)
        assert "8.426" in after["output"]

    def test_the_same_call_streams_events_if_they_are_accepted(self, client: httpx.Client) -> None:
        with client.stream("POST", RUNS, json={"input": QUESTION}, headers=EVENTS) as response:
            logged = list(events(response))

        run_id = response.headers["x-run-id"]
        assert response.status_code == 201
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["location"] == f"{RUNS}/{run_id}"
        assert logged[0].kind == "started"
        assert logged[0].data["run_id"] == run_id
        assert logged[-1].kind == "finished"
        assert [each.id for each in logged] == [f"1-{seq}" for seq in range(1, len(logged) + 1)]
        assert logged == all_events(client, f"{RUNS}/{run_id}/events")

    @pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html", ""])
    def test_by_any_other_accept_it_is_json(self, client: httpx.Client, accept: str) -> None:
        response = client.post(RUNS, json={"input": QUESTION}, headers={"accept": accept})

        assert response.headers["content-type"] == "application/json"

    def test_leaving_the_events_does_not_cancel_the_run(self, client: httpx.Client, paused: Upstream) -> None:
        with client.stream("POST", RUNS, json={"input": "count"}, headers=EVENTS) as response:
            run_id = response.headers["x-run-id"]
            next(each for each in events(response) if each.kind == "token")

        assert client.get(f"{RUNS}/{run_id}").json()["status"] == "running"
        paused.resume()
        logged = all_events(client, f"{RUNS}/{run_id}/events")
        assert text_of(logged) == "one two three"
        assert logged[-1].kind == "finished"

    def test_a_second_run_on_a_busy_thread_is_refused(
        self, client: httpx.Client, paused: Upstream, thread_id: str
    ) -> None:
        run = start(client, "count", thread_id=thread_id)

        second = client.post(RUNS, json={"input": "me too", "thread_id": thread_id})

        assert code_of(second) == (409, "thread_busy")
        paused.resume()
        assert ended(client, run)["status"] == "success"
        paused.script([Reply(text="yes")])
        assert ended(client, start(client, thread_id=thread_id))["output"] == "yes"

    def test_a_run_that_fails_has_the_reason(self, client: httpx.Client, upstream_env: Upstream) -> None:
        upstream_env.script([Refusal(status=401)])

        failed = ended(client, start(client))

        assert failed["status"] == "error"
        assert failed["output"] is None
        assert failed["error"] == {
            "code": "upstream_auth",
            "message": "The model's provider refused the server's key.",
            "retryable": False,
            "retry_after_s": None,
        }

    def test_an_earlier_checkpoint_forks_the_thread(self, client: httpx.Client, thread_id: str) -> None:
        ended(client, start(client, "my name is Ada", thread_id=thread_id))
        history = client.get(f"/agent/threads/{thread_id}/history").json()["checkpoints"]
        empty = history[-1]

        ended(
            client,
            start(client, "what is my name?", thread_id=thread_id, from_checkpoint=empty["checkpoint_id"]),
        )

        messages = client.get(f"/agent/threads/{thread_id}").json()["values"]["messages"]
        assert [message["content"] for message in messages if message["type"] == "human"] == [
            "what is my name?"
        ]

    def test_a_checkpoint_that_is_none_is_refused(self, client: httpx.Client, thread_id: str) -> None:
        ended(client, start(client, thread_id=thread_id))

        response = client.post(
            RUNS, json={"input": "x", "thread_id": thread_id, "from_checkpoint": "1f0-none"}
        )

        assert code_of(response) == (404, "unknown_checkpoint")


class TestIdempotencyKey:
    def test_the_same_key_and_body_is_the_same_run(self, client: httpx.Client, thread_id: str) -> None:
        headers = {"idempotency-key": thread_id}

        one, again = (client.post(RUNS, json={"input": QUESTION}, headers=headers) for _ in range(2))
        run = ended(client, one.json())
        late = client.post(RUNS, json={"input": QUESTION}, headers=headers)
        with client.stream("POST", RUNS, json={"input": QUESTION}, headers=headers | EVENTS) as response:
            logged = list(events(response))

        assert [each.status_code for each in (one, again, late)] == [201, 201, 201]
        assert len({each.json()["run_id"] for each in (one, again, late)}) == 1
        assert len({each.headers["x-thread-id"] for each in (one, again, late, response)}) == 1
        assert late.json() == run
        assert text_of(logged) == run["output"]

    def test_sent_again_with_the_last_event_it_continues_after_that(
        self, client: httpx.Client, thread_id: str
    ) -> None:
        headers = EVENTS | {"idempotency-key": thread_id}
        first = events_in(client.post(RUNS, json={"input": QUESTION}, headers=headers).content)

        again = client.post(RUNS, json={"input": QUESTION}, headers=headers | {"last-event-id": first[2].id})
        ended = client.post(RUNS, json={"input": QUESTION}, headers=headers | {"last-event-id": first[-1].id})
        odd = client.post(RUNS, json={"input": QUESTION}, headers=headers | {"last-event-id": "x"})

        assert events_in(again.content) == first[3:]
        assert events_in(ended.content) == []
        assert code_of(odd) == (400, "invalid_cursor")

    def test_another_body_is_a_conflict(self, client: httpx.Client, thread_id: str) -> None:
        headers = {"idempotency-key": thread_id}
        client.post(RUNS, json={"input": QUESTION}, headers=headers)

        response = client.post(RUNS, json={"input": "something else"}, headers=headers)

        assert code_of(response) == (409, "idempotency_conflict")

    def test_the_key_of_a_deleted_threads_run_does_not_create_it_again(
        self, client: httpx.Client, thread_id: str
    ) -> None:
        body, headers = {"input": QUESTION, "thread_id": thread_id}, {"idempotency-key": thread_id}
        all_events(client, client.post(RUNS, json=body, headers=headers).headers["location"] + "/events")
        client.delete(f"/agent/threads/{thread_id}").raise_for_status()

        again = client.post(RUNS, json=body, headers=headers)

        assert code_of(again) == (410, "run_deleted")
        assert client.get(f"/agent/threads/{thread_id}").status_code == 404

    def test_a_key_that_is_none_is_refused(self, client: httpx.Client) -> None:
        response = client.post(RUNS, json={"input": QUESTION}, headers={"idempotency-key": "a b"})

        assert code_of(response) == (422, "invalid_input")


class TestFollow:
    def test_an_ended_run_has_nothing_after_its_last_event(self, client: httpx.Client) -> None:
        run = start(client)
        path = f"{RUNS}/{run['run_id']}/events"
        last = all_events(client, path)[-1]

        assert client.get(path, headers={"last-event-id": last.id}).status_code == 204
        assert client.get(path, params={"after": last.id}).content == b""

    def test_the_header_wins_over_the_query(self, client: httpx.Client) -> None:
        path = f"{RUNS}/{start(client)['run_id']}/events"
        logged = all_events(client, path)

        response = client.get(path, params={"after": logged[0].id}, headers={"last-event-id": logged[3].id})

        assert events_in(response.content) == logged[4:]

    @pytest.mark.parametrize(
        "cursor", ["x", "1", "1-", "-1", "1-2-3", "1 -1", "1.0-1", "0x1-1", "1-1e3", "1-" + "9" * 99, "²-1"]
    )
    @pytest.mark.parametrize("by", ["header", "query"])
    def test_a_cursor_that_is_none_is_refused(self, client: httpx.Client, cursor: str, by: str) -> None:
        path = f"{RUNS}/{start(client)['run_id']}/events"
        header = {b"last-event-id": cursor.encode()} if by == "header" else {}

        response = client.get(path, headers=header, params={"after": cursor} if by == "query" else {})

        assert code_of(response) == (400, "invalid_cursor")

    def test_a_cursor_beyond_the_end_is_refused(self, client: httpx.Client) -> None:
        path = f"{RUNS}/{start(client)['run_id']}/events"
        last = int(all_events(client, path)[-1].id.removeprefix("1-"))

        for cursor in (f"1-{last + 1}", "2-1", "999999999-1"):
            assert code_of(client.get(path, params={"after": cursor})) == (400, "invalid_cursor")

    def test_other_parameters_are_refused_by_name(self, client: httpx.Client) -> None:
        response = client.get(f"{RUNS}/{start(client)['run_id']}/events?from=1-1")

        assert code_of(response) == (422, "invalid_input")
        assert response.json()["detail"].startswith("from: ")

    def test_a_silence_is_broken_by_pings(self, upstream_env: Upstream, serve: Serve) -> None:
        upstream_env.script([Reply(text="late", breaks="silence", after=0)])
        served = serve(ping_s=0.05)

        with (
            httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client,
            client.stream("POST", RUNS, json={"input": "x"}, headers=EVENTS) as response,
        ):
            read, pieces = b"", response.iter_raw()
            while read.count(b": ping\n") < 3:
                read += next(pieces)
            upstream_env.resume()
            read += b"".join(pieces)

        assert read.startswith(b"retry: 1000\n")
        assert b"event: finished\n" in read


class TestCancel:
    def test_a_run_is_cancelled_without_a_body(self, client: httpx.Client, paused: Upstream) -> None:
        run = start(client, "count")
        path = f"{RUNS}/{run['run_id']}"

        with following(client, f"{path}/events") as read:
            next(each for each in read if each.kind == "token")
            response = client.post(f"{path}/cancel")
            rest = list(read)

        assert response.status_code == 202
        assert response.json()["run_id"] == run["run_id"]
        assert rest[-1].kind == "cancelled"
        assert client.get(path).json()["status"] == "cancelled"
        assert paused.closed_early.wait(5)

    @pytest.mark.parametrize("body", [{}, None])
    def test_an_empty_body_is_accepted_too_and_an_ended_run_is_left_alone(
        self, client: httpx.Client, body: object
    ) -> None:
        run = ended(client, start(client))

        response = client.post(f"{RUNS}/{run['run_id']}/cancel", json=body)

        assert (response.status_code, response.json()) == (202, run)

    @pytest.mark.parametrize("body", [[], {"reason": "x"}, "x", 5])
    def test_a_body_with_fields_is_refused(self, client: httpx.Client, body: object) -> None:
        response = client.post(f"{RUNS}/{start(client)['run_id']}/cancel", json=body)

        assert code_of(response) == (422, "invalid_input")

    def test_elsewhere_a_body_is_needed_as_before(self, client: httpx.Client) -> None:
        run_id = start(client)["run_id"]

        for path in (RUNS, f"{RUNS}/{run_id}/resume"):
            assert code_of(client.post(path)) == (415, "not_json")
            empty = client.post(path, headers={"content-type": "application/json"})
            assert code_of(empty) == (400, "bad_request")


class TestResume:
    @pytest.fixture
    def asking(self, serve: Serve) -> Iterator[httpx.Client]:
        served = serve({"ask": ASKING, "twice": ASKING_TWICE})
        with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client:
            yield client

    def test_each_answer_reaches_its_own_question(self, asking: httpx.Client) -> None:
        first = ended(asking, asking.post("/ask/runs", json={"input": {"wish": "sing"}}).json())
        assert first["status"] == "interrupted"
        assert [each["value"] for each in first["interrupts"]] == [{"may I": "sing"}]

        response = asking.post(f"/ask/runs/{first['run_id']}/resume", json={"resume": "yes"})
        second = ended(asking, response.json())
        assert (response.status_code, second["status"]) == (201, "interrupted")
        assert second["thread_id"] == first["thread_id"]
        assert second["run_id"] != first["run_id"]
        assert [each["value"] for each in second["interrupts"]] == ["really?"]

        again = asking.post(f"/ask/runs/{first['run_id']}/resume", json={"resume": "yes"})
        assert code_of(again) == (409, "not_interrupted")

        path = f"/ask/runs/{second['run_id']}/resume"
        with asking.stream("POST", path, json={"resume": None}, headers=EVENTS) as streamed:
            logged = list(events(streamed))
        assert (streamed.status_code, logged[-1].kind) == (201, "finished")
        state = asking.get(f"/ask/threads/{first['thread_id']}").json()
        assert (state["values"], state["interrupts"]) == ({"wish": "sing", "said": ["yes", None]}, [])
        assert asking.get(f"/ask/runs/{first['run_id']}").json()["status"] == "interrupted"
        assert code_of(asking.post(path, json={"resume": 1})) == (409, "not_interrupted")

    def test_of_several_questions_the_answer_names_one(self, asking: httpx.Client) -> None:
        run = ended(asking, asking.post("/twice/runs", json={"input": {"said": []}}).json())
        ids = {each["value"]: each["id"] for each in run["interrupts"]}
        path = f"/twice/runs/{run['run_id']}/resume"

        unsaid = asking.post(path, json={"resume": "x"})
        foreign = asking.post(path, json={"resume": "x", "interrupt_id": "0" * 32})
        answered = asking.post(path, json={"answers": {ids["left"]: "L", ids["right"]: "R"}})

        assert code_of(unsaid) == code_of(foreign) == (422, "invalid_input")
        assert unsaid.json()["detail"].startswith("interrupt_id: ")
        assert all(each in unsaid.json()["detail"] for each in ids.values())
        assert sorted(ended(asking, answered.json())["output"]["said"]) == ["left: L", "right: R"]

    def test_one_of_several_may_be_answered_first(self, asking: httpx.Client) -> None:
        run = ended(asking, asking.post("/twice/runs", json={"input": {"said": []}}).json())
        ids = {each["value"]: each["id"] for each in run["interrupts"]}

        body = {"resume": "R", "interrupt_id": ids["right"]}
        second = ended(asking, asking.post(f"/twice/runs/{run['run_id']}/resume", json=body).json())
        assert [each["value"] for each in second["interrupts"]] == ["left"]
        third = asking.post(f"/twice/runs/{second['run_id']}/resume", json={"resume": "L"})

        assert sorted(ended(asking, third.json())["output"]["said"]) == ["left: L", "right: R"]

    def test_an_answer_sent_twice_under_one_key_counts_once(self, asking: httpx.Client) -> None:
        run = ended(asking, asking.post("/ask/runs", json={"input": {"wish": "sing"}}).json())
        path, key = f"/ask/runs/{run['run_id']}/resume", {"idempotency-key": "k"}

        one = asking.post(path, json={"resume": "yes"}, headers=key)
        ended(asking, one.json())
        again = asking.post(path, json={"resume": "yes"}, headers=key)
        other = asking.post(path, json={"resume": "no"}, headers=key)

        assert (one.status_code, again.status_code) == (201, 201)
        assert one.json()["run_id"] == again.json()["run_id"]
        assert code_of(other) == (409, "idempotency_conflict")

    def test_plain_input_on_a_thread_that_asks_is_refused(self, asking: httpx.Client) -> None:
        run = ended(asking, asking.post("/ask/runs", json={"input": {"wish": "sing"}}).json())

        response = asking.post("/ask/runs", json={"input": {"wish": "dance"}, "thread_id": run["thread_id"]})

        assert code_of(response) == (409, "thread_interrupted")

    def test_a_run_that_asks_nothing_accepts_no_answer(self, client: httpx.Client, paused: Upstream) -> None:
        running = start(client, "count")
        path = f"{RUNS}/{running['run_id']}/resume"

        assert code_of(client.post(path, json={"resume": 1})) == (409, "not_interrupted")
        paused.resume()
        ended(client, running)
        assert code_of(client.post(path, json={"resume": 1})) == (409, "not_interrupted")


class TestAddresses:
    def test_what_is_not_there_is_404(self, client: httpx.Client) -> None:
        run_id = start(client)["run_id"]

        for path in (f"{RUNS}/none", f"{RUNS}/none/events", f"{RUNS}/%00", f"/llm/runs/{run_id}"):
            assert code_of(client.get(path)) == (404, "unknown_run")
        for path in (f"{RUNS}/none/cancel", f"/llm/runs/{run_id}/cancel", f"{RUNS}/none/resume"):
            assert code_of(client.post(path, json={})) == (404, "unknown_run")
        for path in ("/none/runs/x", "/none/runs/x/events", "/none/threads", "/none/graph"):
            assert code_of(client.get(path)) == (404, "unknown_graph")
        assert code_of(client.post("/none/runs", json={"input": "x"})) == (404, "unknown_graph")
        assert code_of(client.get(f"{RUNS}/{run_id}/nothing")) == (404, "not_found")

    def test_another_method_is_405(self, client: httpx.Client) -> None:
        run_id = start(client)["run_id"]

        for path in (f"{RUNS}/{run_id}/cancel", f"{RUNS}/{run_id}/resume"):
            assert code_of(client.get(path)) == (405, "method_not_allowed")
        for path in (
            f"{RUNS}/{run_id}",
            f"{RUNS}/{run_id}/events",
            f"{RUNS}/{run_id}/log",
            "/runs",
            "/agent/threads/x",
        ):
            assert code_of(client.post(path, json={})) == (405, "method_not_allowed")

    def test_the_api_page_shows_the_routes(self, client: httpx.Client) -> None:
        paths = client.get("/openapi.json").json()["paths"]

        shown = {
            (path, method): (each["tags"], each["summary"], [p["name"] for p in each["parameters"]])
            for path, methods in paths.items()
            for method, each in methods.items()
            if path.startswith("/{graph}")
        }
        assert {path for path, _ in shown} == {
            "/{graph}/graph",
            "/{graph}/runs",
            "/{graph}/runs/{run_id}",
            "/{graph}/runs/{run_id}/cancel",
            "/{graph}/runs/{run_id}/events",
            "/{graph}/runs/{run_id}/log",
            "/{graph}/runs/{run_id}/resume",
            "/{graph}/runs/{run_id}/withdraw",
            "/{graph}/schemas",
            "/{graph}/threads",
            "/{graph}/threads/{thread_id}",
            "/{graph}/threads/{thread_id}/branches",
            "/{graph}/threads/{thread_id}/history",
            "/{graph}/threads/{thread_id}/state",
            "/{graph}/threads/{thread_id}/storage",
            "/{graph}/threads/{thread_id}/turns",
        }
        for (path, _), (tags, summary, parameters) in shown.items():
            assert tags in (["runs"], ["threads"])
            assert summary
            assert [name for name in parameters if f"{{{name}}}" in path]
        example = paths["/{graph}/runs"]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert client.post(RUNS, json=example).status_code == 201

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (b'{"input": "a\\u0000b"}', "input"),
            (b'{"input": "a\\ud800b"}', "input"),
            (b'{"input": "x", "thread_id": null}', "thread_id"),
            (b'{"input": "x", "thread_id": "' + b"a" * 500_000 + b'"}', "thread_id"),
            (b'{"input": "x", "config": {"configurable": {"__pregel_send": 1}}}', "config.configurable"),
            (b'{"input": "x", "config": {"configurable": {"checkpoint_ns": ""}}}', "config.configurable"),
            (b'{"input": "x", "config": {"recursion_limit": 0}}', "config.recursion_limit"),
            (b'{"input": "x", "stream_mode": "values"}', "stream_mode"),
        ],
    )
    def test_of_what_is_refused_nothing_is_kept(self, client: httpx.Client, body: bytes, field: str) -> None:
        before = newest_thread(client)

        response = client.post(RUNS, content=body, headers={"content-type": "application/json"})

        assert code_of(response) == (422, "invalid_input")
        assert response.json()["detail"].startswith(field)
        assert len(response.content) < 1000
        assert newest_thread(client) == before
