"""LangServe with its own client, RemoteRunnable, unmodified; and what facts about it had to be cured."""

import json
import socket
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from langchain_core._api import LangChainDeprecationWarning
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers.log_stream import RunLogPatch
from langserve import RemoteRunnable
from langserve.lzstring import LZString

from tests.conftest import Serve
from tests.patience import PATIENCE_S
from tests.protocols.behaviours import sse
from tests.replies import Refusal, Reply
from tests.serving import Served
from tests.upstream import Upstream

QUESTION = "what is the square root of 71?"
INPUT = {"messages": [{"type": "human", "content": QUESTION}]}
Remote = Callable[[str], RemoteRunnable[Any, Any]]
# Its finalizer starts a thread and waits for it: collected in a server's thread, it would stop the server.
_KEPT: list[RemoteRunnable[Any, Any]] = []


@pytest.fixture
def remote() -> Iterator[Callable[[str], RemoteRunnable[Any, Any]]]:
    """Return what makes a RemoteRunnable; its connections, which it doesn't close itself, are closed."""
    with ExitStack() as stack:

        def make(url: str) -> RemoteRunnable[Any, Any]:
            made = RemoteRunnable[Any, Any](url)
            _KEPT.append(made)
            stack.callback(made.sync_client.close)
            return made

        yield make


@pytest.fixture
def agent(server: Served, remote: Remote) -> RemoteRunnable[Any, Any]:
    return remote(f"{server.url}/agent")


@pytest.fixture
async def async_agent(server: Served) -> AsyncIterator[RemoteRunnable[Any, Any]]:
    made = RemoteRunnable[Any, Any](f"{server.url}/agent")
    _KEPT.append(made)
    yield made
    await made.async_client.aclose()


class TestRemoteRunnable:
    def test_invoke(self, agent: RemoteRunnable[Any, Any]) -> None:
        assert "8.426" in agent.invoke(INPUT)
        assert "8.426" in agent.invoke({"messages": [HumanMessage(QUESTION)]})

    def test_batch(self, agent: RemoteRunnable[Any, Any]) -> None:
        root, product = agent.batch([INPUT, {"messages": [{"type": "human", "content": "6*7"}]}])

        assert "8.426" in root
        assert "42" in product

    def test_stream(self, agent: RemoteRunnable[Any, Any]) -> None:
        tokens = list(agent.stream(INPUT))

        assert len(tokens) >= 4
        assert "".join(tokens) == agent.invoke(INPUT)

    @pytest.mark.anyio
    async def test_ainvoke_abatch_and_astream(self, async_agent: RemoteRunnable[Any, Any]) -> None:
        whole = await async_agent.ainvoke(INPUT)

        assert await async_agent.abatch([INPUT, INPUT]) == [whole, whole]
        assert "".join([token async for token in async_agent.astream(INPUT)]) == whole

    @pytest.mark.anyio
    async def test_astream_events_shows_the_inner_run(self, async_agent: RemoteRunnable[Any, Any]) -> None:
        events = [event async for event in async_agent.astream_events(INPUT, version="v2")]

        kinds = {event["event"] for event in events}
        assert {"on_chain_start", "on_chat_model_stream", "on_tool_start", "on_tool_end"} <= kinds
        root = events[0]["run_id"]
        tools = [event for event in events if event["event"] == "on_tool_start"]
        assert tools[0]["name"] == "calculator"
        assert tools[0]["parent_ids"][0] == root
        streamed = [
            event for event in events if event["event"] == "on_chain_stream" and not event["parent_ids"]
        ]
        assert "8.426" in "".join(event["data"]["chunk"] for event in streamed)

    @pytest.mark.anyio
    async def test_astream_log_on_a_graph_that_calls_a_tool(
        self, async_agent: RemoteRunnable[Any, Any]
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LangChainDeprecationWarning)
            patches = [patch async for patch in async_agent.astream_log(INPUT)]

        log = patches[0] + RunLogPatch()
        for patch in patches[1:]:
            log += patch
        assert "8.426" in str(log.state["final_output"])
        assert any(entry["type"] == "tool" for entry in log.state["logs"].values())

    def test_a_thread_is_named_in_the_config(self, agent: RemoteRunnable[Any, Any], thread_id: str) -> None:
        config = RunnableConfig(configurable={"thread_id": thread_id})
        agent.invoke({"messages": [HumanMessage("my name is Ada")]}, config)

        assert "Ada" in agent.invoke({"messages": [HumanMessage("what is my name?")]}, config)

    def test_chunks_are_accepted_as_messages(self, agent: RemoteRunnable[Any, Any]) -> None:
        messages = [
            HumanMessage("my name is Ada"),
            AIMessageChunk(content="Hello!"),
            HumanMessage("what is my name?"),
        ]

        assert "Ada" in agent.invoke({"messages": messages})

    def test_a_chain_continues_after_it(self, agent: RemoteRunnable[Any, Any]) -> None:
        shouting = agent | str.upper

        assert "8.426" in shouting.invoke(INPUT)

    def test_an_error_in_mid_stream_is_raised_with_what_it_was(
        self, upstream_env: Upstream, server: Served, remote: Remote
    ) -> None:
        upstream_env.script(lambda _body: Reply(text=["one ", "two "], breaks="reset", after=1))
        runnable = remote(f"{server.url}/agent")

        with pytest.raises(httpx.HTTPStatusError, match="connection to the model's provider broke"):
            list(runnable.stream(INPUT))


class TestSchemas:
    @pytest.fixture
    def client(self, server: Served) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
            yield client

    def test_a_graph_on_messages_accepts_messages_and_returns_text(self, client: httpx.Client) -> None:
        get = client.get

        assert list(get("/agent/input_schema").json()["properties"]) == ["messages"]
        assert get("/agent/output_schema").json()["type"] == "string"
        configurable = get("/agent/config_schema").json()["$defs"]["Configurable"]["properties"]
        assert list(configurable) == ["thread_id", "on_busy"]

    def test_a_config_hash_names_the_thread(self, client: httpx.Client, thread_id: str) -> None:
        config = json.dumps({"configurable": {"thread_id": thread_id}})
        hashed = LZString.compressToEncodedURIComponent(config)  # type: ignore[no-untyped-call]
        client.post(f"/agent/c/{hashed}/invoke", json={"input": "my name is Ada"})

        response = client.post(f"/agent/c/{hashed}/invoke", json={"input": "what is my name?"})

        assert "Ada" in response.json()["output"]
        assert response.headers["x-thread-id"] == thread_id

    def test_a_shared_links_thread_is_kept_by_a_batch_with_configs(
        self, client: httpx.Client, thread_id: str
    ) -> None:
        config = json.dumps({"configurable": {"thread_id": thread_id}})
        hashed = LZString.compressToEncodedURIComponent(config)  # type: ignore[no-untyped-call]

        response = client.post(f"/agent/c/{hashed}/batch", json={"inputs": ["hi there!"], "config": [{}]})

        assert response.headers["x-thread-id"] == thread_id

    def test_openapi_and_its_page_need_no_network(self, client: httpx.Client) -> None:
        page = client.get("/docs").text

        assert "/agent/invoke" in client.get("/openapi.json").json()["paths"]
        assert "swagger-ui-bundle.js" in page
        assert "cdn" not in page
        assert client.get("/docs/swagger-ui-bundle.js").status_code == 200


@pytest.mark.parametrize(
    "path", ["assets", "assets/%2e%2e", "%00", "index.html/x", "a" * 5_000, "%2e%2e/server.py"]
)
def test_a_playground_has_no_other_files_than_its_own(server: Served, path: str) -> None:
    response = httpx.get(f"{server.url}/agent/playground/{path}", timeout=PATIENCE_S)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_of_many_at_once_on_a_thread_one_begins_and_the_others_are_refused(
    upstream_env: Upstream, server: Served, thread_id: str
) -> None:
    upstream_env.script(lambda _body: Reply(text=["one ", "two"], breaks="silence", after=1))
    body = {"input": "hi", "config": {"configurable": {"thread_id": thread_id}}}

    def ask(_number: int) -> int:
        with httpx.stream("POST", f"{server.url}/agent/stream", json=body, timeout=PATIENCE_S) as response:
            if response.status_code == 200:
                everyone.wait(10)
            else:
                refused.release()
            return response.status_code

    everyone, refused = threading.Event(), threading.Semaphore(0)
    with ThreadPoolExecutor(8) as pool:
        statuses = pool.map(ask, range(8))
        for _ in range(7):
            assert refused.acquire(timeout=10)
        everyone.set()

    assert sorted(statuses) == [200] + 7 * [409]


class TestOtherGraphs:
    def test_a_graph_that_is_not_on_messages_is_served_with_its_own_schema(
        self, serve: Serve, remote: Remote
    ) -> None:
        runnable = remote(f"{serve({'counter': COUNTER}).url}/counter")

        assert runnable.invoke({"n": 1}) == {"n": 3}
        assert list(runnable.stream({"n": 1})) == [{"add": {"n": 2}}, {"again": {"n": 3}}]

    def test_two_graphs_may_call_their_states_the_same(self, serve: Serve, remote: Remote) -> None:
        served = serve({"counter": COUNTER, "typed": TYPED})

        assert remote(f"{served.url}/counter").invoke({"n": 1}) == {"n": 3}
        assert remote(f"{served.url}/typed").invoke({"n": 1})["seen"]["total"] == 1

    def test_any_runnable_is_served_with_the_chunks_it_makes(self, serve: Serve, remote: Remote) -> None:
        runnable = remote(f"{serve({'words': WORDS}).url}/words")

        assert runnable.invoke("a b c") == "A B C "
        assert list(runnable.stream("a b c")) == ["A ", "B ", "C "]
        assert runnable.batch(["x", "y"]) == ["X ", "Y "]

    def test_null_is_no_input(self, serve: Serve) -> None:
        served = serve({"words": WORDS})

        response = httpx.post(f"{served.url}/words/invoke", json={"input": None}, timeout=PATIENCE_S)

        assert (response.status_code, response.json()["detail"]) == (422, "input: must not be null")

    def test_a_states_own_types_live_on_in_its_thread(
        self, serve: Serve, thread_id: str, remote: Remote
    ) -> None:
        runnable = remote(f"{serve({'typed': TYPED}).url}/typed")
        config = RunnableConfig(configurable={"thread_id": thread_id})

        assert [runnable.invoke({"n": n}, config)["seen"]["total"] for n in (1, 2, 3)] == [1, 3, 6]

    def test_a_graph_without_messages_has_no_chat(self, serve: Serve) -> None:
        served = serve({"counter": COUNTER})

        assert httpx.get(f"{served.url}/counter/chat/playground/", timeout=PATIENCE_S).status_code == 404
        assert (
            httpx.post(f"{served.url}/chat", json={"text": "hi"}, timeout=PATIENCE_S).json()["code"]
            == "unknown_graph"
        )

    def test_artifacts_that_json_has_no_word_for_do_not_end_a_stream(self, serve: Serve) -> None:
        served = serve({"odd": ODD})
        for endpoint in ("stream", "stream_events", "stream_log"):
            with httpx.stream(
                "POST", f"{served.url}/odd/{endpoint}", json={"input": "go"}, timeout=PATIENCE_S
            ) as response:
                events = [event for event, _ in sse(response)]
            assert "error" not in events, endpoint
        assert (
            httpx.post(f"{served.url}/odd/invoke", json={"input": "go"}, timeout=PATIENCE_S).json()["output"]
            == "done"
        )


class TestWhatClientsMustNotSee:
    @pytest.mark.parametrize("endpoint", ["stream_events", "stream_log"])
    def test_system_prompts_and_internal_metadata_stay_here(self, server: Served, endpoint: str) -> None:
        response = httpx.post(f"{server.url}/agent/{endpoint}", json={"input": QUESTION}, timeout=PATIENCE_S)

        assert '"type":"system"' not in response.text
        for internal in ("langgraph_checkpoint_ns", "__pregel", "langgraph_triggers", "__useragent"):
            assert internal not in response.text

    def test_the_texts_of_exceptions_stay_here(self, serve: Serve) -> None:
        served = serve({"broken": BROKEN})

        for endpoint in ("invoke", "batch", "stream", "stream_events", "stream_log"):
            body = {"inputs": ["go"]} if endpoint == "batch" else {"input": "go"}
            response = httpx.post(f"{served.url}/broken/{endpoint}", json=body, timeout=PATIENCE_S)
            assert "graph_error" in response.text, endpoint
            assert "sk-secret" not in response.text, endpoint

    @pytest.mark.parametrize("endpoint", ["invoke", "batch", "stream", "stream_events", "stream_log"])
    def test_what_the_provider_answers_to_an_error_stays_here(
        self, upstream_env: Upstream, server: Served, endpoint: str
    ) -> None:
        upstream_env.script(lambda _body: Refusal(status=400, code="x", message="key sk-secret is wrong"))
        body = {"inputs": ["hi"]} if endpoint == "batch" else {"input": "hi"}

        response = httpx.post(f"{server.url}/agent/{endpoint}", json=body, timeout=PATIENCE_S)

        assert "upstream_error" in response.text
        for private in ("sk-secret", '"headers":', '"body":'):
            assert private not in response.text


class TestBadInput:
    @pytest.fixture
    def post(self, server: Served) -> Iterator[Any]:
        with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
            yield client.post

    @pytest.mark.parametrize("endpoint", ["invoke", "stream", "stream_log", "stream_events"])
    @pytest.mark.parametrize(
        ("value", "field"),
        [
            (1, "input"),
            (None, "input"),
            ({}, "input.messages"),
            ([], "input"),
            ("", "input"),
            ({"messages": []}, "input.messages"),
            ({"messages": [5]}, "input.messages.0"),
            ({"messages": [{"role": "nobody", "content": "x"}]}, "input.messages.0"),
            ({"messages": [{"role": "user"}]}, "input.messages.0"),
            ({"messages": [{"role": "user", "content": 5}]}, "input.messages.0.content"),
            ({"messages": [{"role": "user", "content": ""}]}, "input.messages.0.content"),
            ({"messages": [{"role": "tool", "content": "x"}]}, "input.messages.0.tool_call_id"),
            (
                {"messages": [{"role": "tool", "content": "x", "tool_call_id": "c"}]},
                "input.messages.0.tool_call_id",
            ),
            ({"messages": [{"type": "remove", "content": "", "id": "x"}]}, "input.messages.0"),
            ({"messages": ["x"] * 257}, "input.messages"),
            ({"messages": ["x" * 262_145]}, "input.messages.0"),
        ],
    )
    def test_a_bad_input_is_refused_by_its_field(
        self, post: Any, endpoint: str, value: Any, field: str
    ) -> None:
        response = post(f"/agent/{endpoint}", json={"input": value})

        assert (response.status_code, response.json()["code"]) == (422, "invalid_input")
        assert response.json()["detail"].startswith(f"{field}: ")
        assert response.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "inputs"),
            ({"inputs": 5}, "inputs"),
            ({"inputs": [5]}, "inputs.0"),
            ({"inputs": ["x"] * 21}, "inputs"),
            ({"inputs": ["x"], "config": []}, "config"),
            ({"inputs": ["x"], "config": 5}, "config"),
            (
                {"inputs": ["x", "y"], "config": {"configurable": {"thread_id": "t"}}},
                "config.configurable.thread_id",
            ),
            ({"inputs": ["x"], "config": [{"recursion_limit": 0}]}, "config.0.recursion_limit"),
        ],
    )
    def test_a_bad_batch_is_refused_by_its_field(self, post: Any, body: Any, field: str) -> None:
        response = post("/agent/batch", json=body)

        assert (response.status_code, response.json()["detail"].split(": ")[0]) == (422, field)

    @pytest.mark.parametrize(
        ("config", "field"),
        [
            (5, "config"),
            ({"configurable": []}, "config.configurable"),
            ({"configurable": {"thread_id": None}}, "config.configurable.thread_id"),
            ({"configurable": {"thread_id": 5}}, "config.configurable.thread_id"),
            ({"configurable": {"thread_id": "a/b"}}, "config.configurable.thread_id"),
            ({"configurable": {"thread_id": "x" * 129}}, "config.configurable.thread_id"),
            ({"configurable": {"__pregel_read": 1}}, "config.configurable.__pregel_read"),
            ({"configurable": {"checkpoint_id": "x"}}, "config.configurable.checkpoint_id"),
            ({"configurable": {"checkpoint_ns": ""}}, "config.configurable.checkpoint_ns"),
            ({"recursion_limit": 0}, "config.recursion_limit"),
            ({"recursion_limit": 1_001}, "config.recursion_limit"),
            ({"recursion_limit": True}, "config.recursion_limit"),
            ({"recursion_limit": "9"}, "config.recursion_limit"),
        ],
    )
    def test_a_bad_config_is_refused_by_its_field(self, post: Any, config: Any, field: str) -> None:
        response = post("/agent/stream", json={"input": "hi", "config": config})

        assert (response.status_code, response.json()["detail"].split(": ")[0]) == (422, field)

    @pytest.mark.parametrize(
        ("more", "field"),
        [({"thread_id": "t"}, "thread_id"), ({"kwargs": []}, "kwargs"), ({"kwargs": 0}, "kwargs")],
    )
    def test_what_would_be_ignored_is_refused(self, post: Any, more: Any, field: str) -> None:
        response = post("/agent/invoke", json={"input": "hi"} | more)

        assert (response.status_code, response.json()["detail"].split(": ")[0]) == (422, field)

    @pytest.mark.parametrize("endpoint", ["invoke", "stream", "stream_log", "stream_events"])
    def test_null_counts_as_left_out(self, post: Any, endpoint: str) -> None:
        response = post(f"/agent/{endpoint}", json={"input": "hi there!", "config": None, "kwargs": None})

        assert response.status_code == 200
        assert "error" not in response.text.partition("event: end")[0].lower()

    @pytest.mark.parametrize("config", [None, [None], [{}]])
    def test_null_counts_as_left_out_of_a_batch(self, post: Any, config: Any) -> None:
        response = post("/agent/batch", json={"inputs": ["hi there!"], "config": config})

        assert len(response.json()["output"]) == 1

    @pytest.mark.parametrize(
        ("endpoint", "body"),
        [
            ("batch", {"inputs": ["a", "b"], "kwargs": [{}, {}]}),
            ("batch", {"inputs": [], "kwargs": []}),
            ("stream_events", {"input": "a", "kwargs": {"version": "v2"}}),
            ("stream_log", {"input": "a", "kwargs": {"diff": False}}),
        ],
    )
    def test_what_the_clients_methods_add_to_a_body_is_accepted(
        self, post: Any, endpoint: str, body: Any
    ) -> None:
        response = post(f"/agent/{endpoint}", json=body)

        assert response.status_code == 200
        if endpoint == "batch":
            assert len(response.json()["output"]) == len(body["inputs"])

    @pytest.mark.parametrize(
        ("endpoint", "kwargs", "field"),
        [
            ("batch", [{"stop": "x"}], "kwargs"),
            ("stream_events", {"version": "v3"}, "kwargs.version"),
            ("stream_events", {"diff": True}, "kwargs"),
            ("stream_log", {"diff": "no"}, "kwargs.diff"),
        ],
    )
    def test_other_keyword_arguments_are_refused(
        self, post: Any, endpoint: str, kwargs: Any, field: str
    ) -> None:
        body = {"inputs": ["x"]} if endpoint == "batch" else {"input": "x"}

        response = post(f"/agent/{endpoint}", json=body | {"kwargs": kwargs})

        assert (response.status_code, response.json()["detail"].split(": ")[0]) == (422, field)

    @pytest.mark.parametrize(
        ("message", "field"),
        [
            ({"role": "function", "content": "x", "name": "f"}, "0"),
            ({"role": "my secret", "content": "x"}, "0"),
            ({"role": "user", "content": [{"type": "weird"}]}, "0.content.0.type"),
            ({"role": "user", "content": ["x", {"text": "y"}]}, "0.content.1.type"),
            ({"role": "user", "content": [{"type": "text"}]}, "0.content.0.text"),
            ({"role": "assistant", "content": [{"type": "text", "text": 5}]}, "0.content.0.text"),
        ],
    )
    @pytest.mark.parametrize("route", ["agent/invoke", "agent/batch", "agent/stream", "agent/runs"])
    def test_a_message_no_provider_accepts_is_refused(
        self, post: Any, route: str, message: Any, field: str
    ) -> None:
        value = {"messages": [message]}
        name, body = ("inputs.0", {"inputs": [value]}) if "batch" in route else ("input", {"input": value})

        response = post(f"/{route}", json=body)

        detail = response.json()["detail"]
        assert (response.status_code, detail.split(": ")[0]) == (422, f"{name}.messages.{field}")
        assert "secret" not in response.text

    def test_a_prompt_is_accepted(self, post: Any) -> None:
        prompt = {"text": "hi there!", "type": "StringPromptValue"}

        assert post("/agent/invoke", json={"input": prompt}).json()["output"]

    def test_problems_carry_the_message_that_the_javascript_client_shows(self, post: Any) -> None:
        problem = post("/agent/invoke", json={}).json()

        assert problem["message"] == problem["detail"] == "input: is missing"

    def test_the_steps_a_run_may_take_are_honoured(self, post: Any) -> None:
        response = post("/agent/invoke", json={"input": QUESTION, "config": {"recursion_limit": 1}})

        assert (response.status_code, response.json()["code"]) == (422, "step_limit")

    @pytest.mark.parametrize(
        "spelling",
        [
            "hi there!",
            ["hi there!"],
            {"messages": "hi there!"},
            {"messages": [["user", "hi there!"]]},
            {"messages": [{"role": "user", "content": "hi there!"}]},
            {"messages": [{"type": "human", "content": "hi there!"}]},
            {"messages": [{"type": "human", "content": [{"type": "text", "text": "hi there!"}]}]},
        ],
    )
    def test_messages_are_accepted_in_any_spelling(self, post: Any, spelling: Any) -> None:
        assert post("/agent/invoke", json={"input": spelling}).json()["output"]
        assert post("/agent/batch", json={"inputs": [spelling]}).json()["output"][0]


class TestStreams:
    def test_beyond_the_limit_of_runs_it_is_refused_before_it_begins(
        self, upstream_env: Upstream, serve: Serve
    ) -> None:
        upstream_env.script(lambda _body: Reply(text=["one ", "two"], breaks="silence", after=1))
        url = f"{serve(runs_limit=1, queue_limit=0).url}/agent/stream"

        with httpx.stream("POST", url, json={"input": "first"}, timeout=PATIENCE_S) as response:
            frames = sse(response)
            while next(frames)[0] != "data":
                pass
            second = httpx.post(url, json={"input": "second"}, timeout=PATIENCE_S)

        assert (second.status_code, second.json()["code"]) == (429, "too_many_runs")
        assert second.headers["retry-after"] == "1"

    def test_a_ping_is_sent_while_the_model_is_silent(self, upstream_env: Upstream, serve: Serve) -> None:
        upstream_env.script([Reply(text="done", breaks="silence")])
        served = serve(ping_s=0.05)

        with httpx.stream(
            "POST", f"{served.url}/agent/stream", json={"input": "hi"}, timeout=PATIENCE_S
        ) as response:
            lines = response.iter_lines()
            while not next(lines).startswith(": ping"):
                pass
            upstream_env.resume()
            assert 'data: "done"' in lines

    def test_a_chunk_of_the_answer_follows_the_token_that_it_is_made_of(self, server: Served) -> None:
        url = f"{server.url}/llm/stream_events"
        made, shown = "", ""

        with httpx.stream("POST", url, json={"input": QUESTION}, timeout=PATIENCE_S) as response:
            for event in (data for kind, data in sse(response) if kind == "data"):
                if event["event"] == "on_chat_model_stream":
                    made += event["data"]["chunk"]["content"]
                elif event["event"] == "on_chain_stream" and not event["parent_ids"]:
                    shown += event["data"]["chunk"]
                    assert made.startswith(shown)

        assert shown == made != ""

    def test_an_error_in_mid_stream_leaves_the_connection_usable(
        self, upstream_env: Upstream, server: Served
    ) -> None:
        upstream_env.script([Reply(text=["one"], breaks="reset", after=1), Reply(text="fine")])
        body = json.dumps({"input": "hi"}).encode()
        head = b"POST /agent/stream HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        request = head + b"content-length: %d\r\n\r\n" % len(body) + body

        with socket.create_connection(server.address, timeout=10) as connection:
            answers = []
            for _ in range(2):
                connection.sendall(request)
                received = b""
                while not received.endswith(b"0\r\n\r\n"):
                    piece = connection.recv(65536)
                    assert piece, "the server closed the connection"
                    received += piece
                answers.append(received)

        assert b"upstream_disconnected" in answers[0]
        assert b'data: "fine"' in answers[1]

    def test_a_playground_sees_a_failure_as_a_broken_stream(
        self, upstream_env: Upstream, server: Served
    ) -> None:
        upstream_env.script([Reply(text=["one"], breaks="reset", after=1)])
        headers = {"referer": f"{server.url}/agent/playground/"}

        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(
                f"{server.url}/agent/stream_log", json={"input": "hi"}, headers=headers, timeout=PATIENCE_S
            )


COUNTER = """
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

class State(TypedDict):
    n: int

def add(state: State) -> State:
    return {"n": state["n"] + 1}

graph = (
    StateGraph(State).add_node("add", add).add_node("again", add)
    .add_edge(START, "add").add_edge("add", "again")
)
"""

TYPED = """
from dataclasses import dataclass
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

@dataclass
class Seen:
    total: int

class State(TypedDict, total=False):
    n: int
    seen: Seen

def add(state: State) -> State:
    seen = state.get("seen") or Seen(0)
    return {"seen": Seen(seen.total + state["n"])}

graph = StateGraph(State).add_node("add", add).add_edge(START, "add")
"""

WORDS = """
from collections.abc import Iterator
from langchain_core.runnables import RunnableGenerator

async def shout(texts) -> Iterator[str]:
    async for text in texts:
        for word in text.split():
            yield word.upper() + " "

graph = RunnableGenerator(shout)
"""

ODD = """
from decimal import Decimal
from typing import Annotated, Any
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from typing_extensions import TypedDict

class State(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages]

@tool(response_format="content_and_artifact")
def odd() -> Any:
    "Return what JSON has no word for."
    odd = {"set": {1, 2}, "bytes": b"x", "decimal": Decimal("1.5"), 7: object(), "n": 2**70}
    return "odd", odd | {"error": ValueError("x")}

def ask(state: State) -> State:
    return {"messages": [AIMessage("", tool_calls=[{"name": "odd", "args": {}, "id": "c1"}])]}

def end(state: State) -> State:
    return {"messages": [AIMessage("done")]}

graph = (
    StateGraph(State).add_node("ask", ask).add_node("tools", ToolNode([odd])).add_node("end", end)
    .add_edge(START, "ask").add_edge("ask", "tools").add_edge("tools", "end")
)
"""

BROKEN = """
from typing import Annotated
from langchain_core.messages import BaseMessage
from langgraph.graph import START, StateGraph, add_messages
from typing_extensions import TypedDict

class State(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages]

def speak(state: State) -> State:
    raise RuntimeError("sk-secret")

graph = StateGraph(State).add_node("speak", speak).add_edge(START, "speak")
"""
