"""What a request sets of its run, and what a graph's author has bound: the same over every protocol."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient
from langserve.lzstring import LZString

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.serving import write_graphs

SHOW = """\
import json
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Annotated, Any
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel
from typing_extensions import NotRequired, TypedDict

def plain(context):
    if is_dataclass(context):
        return asdict(context)
    return context.model_dump() if isinstance(context, BaseModel) else context

class State(MessagesState):
    user_name: str

async def show(state: State, config: RunnableConfig, runtime: Runtime[Any]):
    seen = {
        "context": plain(runtime.context), "kind": type(runtime.context).__name__,
        "configurable": {k: v for k, v in config["configurable"].items() if k[:2] != "__"},
        "steps": config["recursion_limit"], "tags": sorted(config.get("tags") or ()),
        "metadata": dict(config["metadata"]), "user_name": state.get("user_name"),
    }
    return {"messages": [AIMessage(json.dumps(seen))]}

def made(context_schema=None):
    builder = StateGraph(State, context_schema=context_schema)
    builder.add_node("show", show)
    return builder.add_edge(START, "show").compile()
"""
CONTEXTS = {
    "dataclass": "@dataclass\nclass Ctx:\n    user_id: str = 'nobody'\n    limit: int = 3\n",
    "pydantic": "class Ctx(BaseModel):\n    user_id: str = 'nobody'\n    limit: int = 3\n",
    "typed": "class Ctx(TypedDict):\n    user_id: NotRequired[str]\n    limit: NotRequired[int]\n",
    "strict": "class Ctx(TypedDict):\n    user_id: str\n",
    "required": "@dataclass\nclass Ctx:\n    user_id: str\n    limit: int = 3\n",
    "nested": "@dataclass\nclass Inner:\n    limit: int = 3\n\n@dataclass\nclass Ctx:\n"
    "    inner: Inner = field(default_factory=Inner)\n    user_id: str = 'nobody'\n    limit: int = 3\n",
}
WITH_LIMIT = [name for name in CONTEXTS if name != "strict"]
BOUND = {
    "tagged": '{"tags": ["bound"], "metadata": {"team": "theirs"}, "configurable": {"model": "small"}}',
    "deep": '{"recursion_limit": 9_999}',
}
LOOP = """\
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph

class State(MessagesState):
    count: int

async def count(state):
    number = state.get("count", 0) + 1
    return {"count": number, **({"messages": [AIMessage(str(number))]} if number == %d else {})}

async def after(state):
    return END if state["count"] == %d else "count"

builder = StateGraph(State)
builder.add_node("count", count)
builder.add_edge(START, "count")
builder.add_conditional_edges("count", after)
graph = builder.compile()%s
"""
GRAPHS = {
    "agent": f"{SHOW}\ngraph = made()\n",
    **{name: f"{SHOW}\n{source}\ngraph = made(Ctx)\n" for name, source in CONTEXTS.items()},
    **{name: f"{SHOW}\ngraph = made().with_config({bound})\n" for name, bound in BOUND.items()},
    "eighty": LOOP % (80, 80, ""),
    "toolong": LOOP % (150, 150, ""),
    "bounded": LOOP % (150, 150, '.with_config({"recursion_limit": 200})'),
    "joke": """\
from typing_extensions import TypedDict
from langgraph.graph import START, StateGraph

class State(TypedDict):
    topic: str
    joke: str

async def tell(state):
    return {"joke": f"no joke about {state.get('topic')}"}

graph = StateGraph(State).add_node("tell", tell).add_edge(START, "tell").compile()
""",
}
LANGSERVE = ("invoke", "batch", "stream", "stream_log", "stream_events", "hash")
PROTOCOLS = (*LANGSERVE, "native", "chat")


@dataclass(frozen=True)
class Outcome:
    """What a run's client got: a text, or why not."""

    status: int
    text: str = ""
    detail: str = ""
    code: str = ""

    @property
    def seen(self) -> Any:
        assert self.status < 300, self
        return json.loads(self.text)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("running")
    settings = Settings(config=write_graphs(folder, GRAPHS), data=folder / "data")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as started:
        yield started


def run(
    client: TestClient,
    protocol: str,
    graph: str,
    *,
    input: Any = "hi",
    context: Mapping[str, Any] | None = None,
    **config: Any,
) -> Outcome:
    """Run a graph over a protocol. context is given where the protocol has it."""
    if protocol == "native":
        return _native(client, graph, {"input": input, "config": config, **_given(context)})
    if protocol == "chat":
        body = {"text": input, "graph": graph, "config": config, **_given(context)}
        return _outcome(client.post("/chat", json=body), lambda response: response.text)
    return _langserve(client, protocol, graph, input, {**config, **_given(context)})


def _given(context: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if context is None else {"context": context}


def _native(client: TestClient, graph: str, body: Any) -> Outcome:
    created = client.post(f"/{graph}/runs", json=body)
    if created.status_code != 201:
        return _outcome(created, str)
    place = created.headers["location"]
    client.get(f"{place}/events")
    run = client.get(place).json()
    if run["status"] != "success":
        return Outcome(500, code=(run["error"] or {}).get("code", run["status"]))
    return Outcome(201, run["output"] if isinstance(run["output"], str) else json.dumps(run["output"]))


def _langserve(client: TestClient, endpoint: str, graph: str, input: Any, config: Any) -> Outcome:
    if endpoint == "hash":
        packed = LZString.compressToEncodedURIComponent(json.dumps(config))  # type: ignore[no-untyped-call]
        response = client.post(f"/{graph}/c/{packed}/invoke", json={"input": input})
        return _outcome(response, lambda each: _text(each.json()["output"]))
    if endpoint == "batch":
        response = client.post(f"/{graph}/batch", json={"inputs": [input], "config": [config]})
        return _outcome(response, lambda each: _text(each.json()["output"][0]))
    response = client.post(f"/{graph}/{endpoint}", json={"input": input, "config": config})
    if endpoint == "invoke":
        return _outcome(response, lambda each: _text(each.json()["output"]))
    return _outcome(response, lambda each: "") if response.status_code != 200 else _streamed(response.text)


def _streamed(body: str) -> Outcome:
    text = ""
    for event in body.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in event.splitlines() if ": " in line and line[0] != ":")
        if fields.get("event") == "error":
            return Outcome(500, code=json.loads(fields["data"])["code"])
        data = json.loads(fields.get("data") or "null") if fields.get("event") != "metadata" else None
        if isinstance(data, str):
            text += data
        elif isinstance(data, dict) and data.get("event") == "on_chain_end" and not data["parent_ids"]:
            text = _text(data["data"]["output"])
        elif isinstance(data, dict) and "ops" in data:
            for op in data["ops"]:
                if op["path"] == "/streamed_output/-" and isinstance(op["value"], str):
                    text += op["value"]
        elif isinstance(data, dict) and "event" not in data:
            text = json.dumps(data)
    return Outcome(200, text)


def _text(output: Any) -> str:
    return output if isinstance(output, str) else json.dumps(output)


def _outcome(response: Any, text: Any) -> Outcome:
    if response.status_code >= 300:
        problem = response.json()
        return Outcome(response.status_code, detail=problem["detail"], code=problem["code"])
    return Outcome(response.status_code, text(response))


def in_context(protocol: str) -> str:
    """Return where the protocol's context is, as an error names it."""
    return {"native": "context", "chat": "context", "batch": "config.0.context"}.get(
        protocol, "config_hash.context" if protocol == "hash" else "config.context"
    )


def in_config(protocol: str) -> str:
    return {"batch": "config.0", "hash": "config_hash"}.get(protocol, "config")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("graph", WITH_LIMIT)
def test_a_context_is_what_the_graph_declares(client: TestClient, protocol: str, graph: str) -> None:
    seen = run(client, protocol, graph, context={"user_id": "ada", "limit": 7}).seen

    assert seen["context"].items() >= {"user_id": "ada", "limit": 7}.items()
    assert seen["kind"] == ("dict" if graph == "typed" else "Ctx")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("graph", "context"),
    [
        ("dataclass", {"user_id": "nobody", "limit": 3}),
        ("pydantic", {"user_id": "nobody", "limit": 3}),
        ("nested", {"inner": {"limit": 3}, "user_id": "nobody", "limit": 3}),
        ("strict", None),
        ("agent", None),
    ],
)
def test_a_context_that_is_left_out_has_its_defaults(
    client: TestClient, protocol: str, graph: str, context: Any
) -> None:
    assert run(client, protocol, graph).seen["context"] == context


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("graph", "context", "path"),
    [
        ("dataclass", {"limit": "many"}, ".limit"),
        ("pydantic", {"user_id": 5}, ".user_id"),
        ("typed", {"limit": {}}, ".limit"),
        ("required", {}, ".user_id"),
        ("nested", {"inner": {"limit": "x"}}, ".inner.limit"),
        ("dataclass", {"user": "ada"}, ".user"),
        ("agent", {"user_id": "ada"}, ""),
    ],
)
def test_a_context_that_does_not_fit_is_refused_by_its_field(
    client: TestClient, protocol: str, graph: str, context: Any, path: str
) -> None:
    refused = run(client, protocol, graph, context=context)

    assert (refused.status, refused.code) == (422, "invalid_input")
    assert refused.detail.startswith(f"{in_context(protocol)}{path}: ")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_context_without_a_default_may_not_be_left_out(client: TestClient, protocol: str) -> None:
    refused = run(client, protocol, "required")

    assert (refused.status, refused.code) == (422, "invalid_input")
    in_body = "config.context" if protocol == "hash" else in_context(protocol)
    assert refused.detail == f"{in_body}.user_id: is missing; the graph's context has no default for it"


@pytest.mark.parametrize("protocol", LANGSERVE)
@pytest.mark.parametrize("graph", CONTEXTS)
def test_langserves_configurable_has_the_contexts_keys(client: TestClient, protocol: str, graph: str) -> None:
    seen = run(client, protocol, graph, configurable={"user_id": "ada", "other": 1}).seen

    assert seen["context"]["user_id"] == "ada"
    assert seen["configurable"].items() >= {"user_id": "ada", "other": 1}.items()


@pytest.mark.parametrize("protocol", LANGSERVE)
def test_langserves_context_wins_over_configurable_and_either_is_checked(
    client: TestClient, protocol: str
) -> None:
    both = run(client, protocol, "dataclass", configurable={"user_id": "a", "limit": 1}, context={"limit": 2})
    wrong = run(client, protocol, "dataclass", configurable={"limit": "many"}, context={"user_id": "a"})

    assert both.seen["context"] == {"user_id": "a", "limit": 2}
    assert wrong.status == 422
    assert wrong.detail.startswith(f"{in_config(protocol)}.configurable.limit: ")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "given",
    [
        {"user_id": "ada"},
        {"limits": {"a": [1, None, "漢字"]}},
        {"user_id": None},
        {"flag": False, "n": 1.5},
        {"run_id": "theirs", "user": "x"},
    ],
)
def test_a_graph_reads_any_key_of_configurable(client: TestClient, protocol: str, given: Any) -> None:
    seen = run(client, protocol, "agent", configurable=given).seen

    assert seen["configurable"].items() >= given.items()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "key",
    [
        *("__pregel_send", "__pregel_runtime", "__seltzer_fence", "__anything"),
        *("checkpoint_id", "checkpoint_ns", "checkpoint_map"),
        *("langgraph_auth_user", "langgraph_auth_user_id", "langgraph_auth_permissions"),
    ],
)
def test_a_key_that_only_the_server_sets_is_refused(client: TestClient, protocol: str, key: str) -> None:
    refused = run(client, protocol, "agent", configurable={key: "x"})

    assert (refused.status, refused.code) == (422, "invalid_input")
    assert refused.detail.startswith(f"{in_config(protocol)}.configurable.{key}: ")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("graph", "asked", "steps"),
    [("agent", {}, 100), ("deep", {}, 9_999), ("deep", {"recursion_limit": 7}, 7)]
    + [("agent", {"recursion_limit": steps}, steps) for steps in (2, 1_000)],
)
def test_a_run_may_take_as_many_steps(
    client: TestClient, protocol: str, graph: str, asked: Any, steps: int
) -> None:
    assert run(client, protocol, graph, **asked).seen["steps"] == steps


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_limit_is_what_ends_a_loop(client: TestClient, protocol: str) -> None:
    assert run(client, protocol, "eighty").text == "80"
    assert run(client, protocol, "bounded").text == "150"
    assert run(client, protocol, "toolong", recursion_limit=160).text == "150"
    assert run(client, protocol, "toolong").code == "step_limit"
    assert run(client, protocol, "eighty", recursion_limit=79).code == "step_limit"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("limit", [0, -1, 1_001, 2.5, "50", True])
def test_more_steps_than_a_request_may_ask_for_are_refused(
    client: TestClient, protocol: str, limit: Any
) -> None:
    refused = run(client, protocol, "deep", recursion_limit=limit)

    assert (refused.status, refused.code) == (422, "invalid_input")
    assert refused.detail.startswith(f"{in_config(protocol)}.recursion_limit: ")


@pytest.mark.parametrize("protocol", LANGSERVE)
def test_the_default_of_langchains_clients_asks_for_nothing(client: TestClient, protocol: str) -> None:
    assert run(client, protocol, "deep", recursion_limit=25).seen["steps"] == 9_999


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_requests_labels_join_what_is_bound(client: TestClient, protocol: str) -> None:
    labels: dict[str, Any] = {"tags": ["asked"], "metadata": {"n": 1, "run_id": "x"}, "run_name": "nightly"}
    plain = run(client, protocol, "tagged").seen
    seen = run(client, protocol, "tagged", configurable={"model": "large"}, **labels).seen

    assert (plain["tags"], plain["metadata"]["team"]) == (["bound"], "theirs")
    assert plain["configurable"]["model"] == "small"
    assert seen["tags"] == ["asked", "bound"]
    assert seen["metadata"].items() >= {"team": "theirs", "n": 1}.items()
    assert seen["metadata"]["run_id"] != "x"
    assert seen["configurable"]["model"] == "large"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"tags": "a"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"__x": 1}}, "metadata.__x"),
        ({"run_name": 1}, "run_name"),
    ],
)
def test_labels_of_a_wrong_type_are_refused(
    client: TestClient, protocol: str, config: Any, field: str
) -> None:
    refused = run(client, protocol, "agent", **config)

    assert (refused.status, refused.code) == (422, "invalid_input")
    assert refused.detail.startswith(f"{in_config(protocol)}.{field}")


@pytest.mark.parametrize("protocol", [*LANGSERVE, "native"])
def test_a_graph_on_messages_gets_the_other_keys_of_its_state(client: TestClient, protocol: str) -> None:
    given = {"messages": "hi", "user_name": "Ada"}

    assert run(client, protocol, "agent", input=given).seen["user_name"] == "Ada"
    wrong = [run(client, protocol, "agent", input={**given, **more}) for more in ({"x": 1}, {"user_name": 5})]
    assert [each.status for each in wrong] == [422, 422]


@pytest.mark.parametrize("protocol", [*LANGSERVE, "native"])
@pytest.mark.parametrize("given", [{"topic": "cats"}, {"topic": "cats", "joke": "old"}, {"joke": "x"}, {}])
def test_a_states_keys_may_be_left_out(client: TestClient, protocol: str, given: Any) -> None:
    outcome = run(client, protocol, "joke", input=given)

    assert outcome.status < 300
    if protocol != "stream_log":
        assert f"no joke about {given.get('topic')}" in outcome.text
