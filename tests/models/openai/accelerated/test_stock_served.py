"""Graphs with people's own ChatOpenAIs, served: the events are the SDK's, the strictness our own model's."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.patience import PATIENCE_S
from tests.protocols.following import Seen, events_in
from tests.replies import SERVER_ERROR, UNAUTHORIZED, Refusal, Reply, ToolCall
from tests.serving import serving, write_graphs
from tests.upstream import Upstream

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # of the SDK's parsed answers
HEAD = """
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy
from langchain.chat_models import init_chat_model
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel

class Look(BaseModel):
    "A look."
    at: str

def look(at: str) -> str:
    "Look."
    return f"seen {at}"

def model(**options):
    return ChatOpenAI(model="gpt-4o-mini", stream_usage=True, max_retries=0, **options)

def structured(form, method):
    async def node(state: MessagesState):
        found = await model().with_structured_output(form, method=method).ainvoke(state["messages"])
        return {"messages": [("ai", str(found))]}
    return StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()

def calling(called):
    async def node(state: MessagesState):
        return {"messages": [await called.ainvoke(state["messages"])]}
    return StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()

"""
GRAPHS = {
    "one": "graph = calling(model())",
    "by_name": "graph = calling(init_chat_model('openai:gpt-4o-mini', max_retries=0))",
    "agent": "graph = create_agent(model(), [look])",
    "retrying": "graph = calling(model().with_retry(stop_after_attempt=2, wait_exponential_jitter=False))",
    "falling_back": "graph = calling(model().with_fallbacks([model(temperature=0.5)]))",
    "in_a_function": """
def node(state: MessagesState):
    return {"messages": [model().bind_tools([look]).invoke(state["messages"])]}

graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
""",
    "structured": "graph = structured(look, 'function_calling')",
    "in_a_form": "graph = structured(Look, 'json_schema')",
    "in_json": "graph = structured(Look, 'json_mode')",
    "agent_in_a_form": "graph = create_agent(model(), [look], response_format=ProviderStrategy(Look))",
    "streaming": """
async def node(state: MessagesState):
    whole = None
    async for chunk in model().astream(state["messages"]):
        whole = chunk if whole is None else whole + chunk
    return {"messages": [whole]}

graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
""",
}
LOOKS = Reply(text="Let me see", tool_calls=[ToolCall("look", {"at": "this"})])
SAYS = Reply(text="It is this one.")
IN_FORM = Reply(text='{"at": "this one"}')
SCRIPTS: dict[str, list[Reply | Refusal]] = {
    **{name: [SAYS] for name in GRAPHS},
    "agent": [LOOKS, SAYS],
    "retrying": [SERVER_ERROR, SAYS],
    "falling_back": [SERVER_ERROR, SAYS],
    "structured": [Reply(tool_calls=[ToolCall("look", {"at": "this"})])],
    "in_a_form": [IN_FORM],
    "in_json": [IN_FORM],
    "agent_in_a_form": [LOOKS, IN_FORM],
}
CUT = Reply(text="one two three four", breaks="truncated", after=2)


@pytest.fixture(scope="module")
def served(session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The graphs' server."""
    yield from _served(session_upstream, tmp_path_factory.mktemp("fast"), accelerate=True)


@pytest.fixture(scope="module")
def plain(session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The graphs' server, with SELTZER_ACCELERATE=off, in the same process."""
    yield from _served(session_upstream, tmp_path_factory.mktemp("plain"), accelerate=False)


def _served(upstream: Upstream, folder: Path, *, accelerate: bool) -> Iterator[str]:
    config = write_graphs(folder, {name: HEAD + source for name, source in GRAPHS.items()})
    settings = Settings(_env_file=None, config=config, data=folder / "data", accelerate=accelerate)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", upstream.url)
        patch.setenv("OPENAI_API_KEY", "k")
        with ThreadPoolExecutor(1) as thread:
            app = thread.submit(create_app, settings).result()
        with serving(app) as server:
            yield server.url


def run(url: str, graph: str) -> list[Seen]:
    """Run the graph, and return the events that its client sees."""
    answer = httpx.post(
        f"{url}/{graph}/runs",
        json={"input": "Which one?"},
        headers={"accept": "text/event-stream"},
        timeout=PATIENCE_S,
    )
    assert answer.status_code == 201, answer.text
    return events_in(answer.content)


def comparable(events: list[Seen]) -> list[Any]:
    """Return the events without what is new each time: ids in the order of their appearance, no durations."""
    names: dict[str, str] = {}
    text = json.dumps([[each.kind, each.data] for each in events])
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\brun_\w+", _name(names), text)
    text = re.sub(r'"(duration_ms|thread_id|run_id)": [^,}]+', "", text)
    return [text, len(events)]


def _name(names: dict[str, str]) -> Any:
    return lambda match: names.setdefault(match[0], f"id-{len(names)}")


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_client_sees_what_it_sees_of_the_sdk(
    graph: str, served: str, plain: str, upstream: Upstream
) -> None:
    seen, asked = [], []
    for url in (served, plain):
        upstream.reset()
        upstream.script(SCRIPTS[graph])
        seen.append(run(url, graph))
        asked.append([request.body for request in upstream.requests])

    assert comparable(seen[0]) == comparable(seen[1])
    assert asked[0] == asked[1]
    assert [each.kind for each in seen[0]][-1] == "finished"


def test_chat_streams_the_answer_behind_a_tool_call(served: str, upstream: Upstream) -> None:
    upstream.script([LOOKS, SAYS])

    answer = httpx.post(f"{served}/chat", json={"text": "hi", "graph": "agent"}, timeout=PATIENCE_S)

    assert answer.text.endswith("It is this one.")
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(
    "graph", ["one", "by_name", "agent", "streaming", "in_a_form", "in_json", "in_a_function"]
)
def test_a_stream_that_breaks_off_is_no_answer(graph: str, served: str, upstream: Upstream) -> None:
    upstream.script([CUT])

    last = run(served, graph)[-1]

    assert (last.kind, last.data["code"]) == ("failed", "upstream_truncated")


def test_half_a_tool_call_is_never_run(served: str, upstream: Upstream) -> None:
    upstream.script([Reply(tool_calls=[ToolCall("look", '{"at": "th')], finish_reason="length"), SAYS])

    events = run(served, "agent")

    assert not [each for each in events if each.kind == "tool_result" and "seen" in str(each.data)]


def test_an_upstreams_fault_keeps_its_meaning(served: str, upstream: Upstream) -> None:
    upstream.script([UNAUTHORIZED])

    last = run(served, "one")[-1]

    assert (last.kind, last.data["code"]) == ("failed", "upstream_auth")


def test_cancelling_closes_the_upstream(served: str, upstream: Upstream) -> None:
    upstream.script([Reply(text="one two three", breaks="silence", after=1)])
    with httpx.Client(base_url=served, timeout=PATIENCE_S) as client:
        run_id = client.post("/one/runs", json={"input": "hi"}).json()["run_id"]
        request = upstream.next_request()
        client.post(f"/one/runs/{run_id}/cancel")

        assert request.left.wait(PATIENCE_S)


LIFE = """
import json, logging, sys
from fastapi.testclient import TestClient
from seltzer.main import create_app
from seltzer.settings import Settings

def app(name):
    return create_app(Settings(_env_file=None, config=sys.argv[1], data=f"{sys.argv[2]}/{name}"))

def fronts():
    model = sys.modules["langchain_openai"].ChatOpenAI
    return ["_agenerate_with_cache" in vars(model), hasattr(model._astream, "__wrapped__")]

def ask(client):
    return client.post("/late/invoke", json={"input": "hi"}).json().get("code")

logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
seen = {"imported": []}
first = app("one")
with TestClient(first, base_url="http://127.0.0.1") as client:
    seen["imported"].append("langchain_openai" in sys.modules)
    seen["codes"] = [ask(client)]
    seen["imported"].append("langchain_openai" in sys.modules)
    second = app("two")
    seen["models"] = [line for each in second.state.seltzer_mounted for line in each.facts.models]
    with TestClient(second, base_url="http://127.0.0.1") as other:
        seen["codes"].append(ask(other))
    seen["codes"].append(ask(client))
    seen["open"] = fronts()
seen["closed"] = fronts()
with TestClient(first, base_url="http://127.0.0.1") as client:
    seen["codes"].append(ask(client))
print(json.dumps(seen))
"""
LATE = """
from langgraph.graph import START, MessagesState, StateGraph

async def node(state: MessagesState):
    from langchain.chat_models import init_chat_model
    return {"messages": [await init_chat_model("openai:m").ainvoke(state["messages"])]}

graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
"""


def test_it_begins_with_the_librarys_import_and_ends_with_the_last_engine(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.script(lambda _: CUT)
    config = write_graphs(tmp_path, {"late": LATE})
    environment = {"PATH": "", "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path)}
    environment |= {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "k"}

    done = subprocess.run(
        [sys.executable, "-c", LIFE, str(config), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["imported"] == [False, True]
    assert seen["codes"] == ["upstream_truncated"] * 4
    assert seen["models"] == []  # the banner names ours only where a graph uses it
    assert (seen["open"], seen["closed"]) == ([True, True], [False, False])
    assert done.stderr.count("seltzer.stock_models: plain ChatOpenAI models are accelerated") == 2
