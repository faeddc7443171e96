"""Which text is the answer, through every protocol: that of LangGraph's own final state."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from pydantic_core import to_jsonable_python

from seltzer.main import create_app
from seltzer.runs.answer import BREAK
from seltzer.runs.graph import AnyPregel
from seltzer.settings import Settings
from tests.patience import PATIENCE_S
from tests.protocols.behaviours import sse
from tests.runs.execution.answers import Gate, World
from tests.runs.execution.shapes import LIVE, SHAPES
from tests.serving import Served, serving, write_graphs

GATE = Gate()  # of all models that are served here
# Left out: a plain dict isn't messages over HTTP; the others are tested with the engine alone.
NOT_SERVED = ("functions", "create_agent with ToolStrategy", "create_agent with ProviderStrategy")
SERVED = [name for name in SHAPES if name not in NOT_SERVED]
SOURCE = """
from langchain_core.runnables import RunnableConfig
from {module} import made

def graph(config: RunnableConfig):
    return made({name!r})
"""


def made(name: str) -> AnyPregel:
    """Return the graph of a shape, with models that begin their scripts anew."""
    return SHAPES[name].make(World(GATE))


@pytest.fixture(scope="module")
def shapes_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """All shapes, each made anew for each run."""
    folder = tmp_path_factory.mktemp("shapes")
    sources = {slug(name): SOURCE.format(module=__name__, name=name) for name in SERVED}
    settings = Settings(_env_file=None, config=write_graphs(folder, sources), data=folder / "data")
    with ThreadPoolExecutor(1) as thread:  # it reads files
        app = thread.submit(create_app, settings).result()
    with serving(app) as served:
        yield served


@pytest.fixture
def client(shapes_server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shapes_server.url, timeout=PATIENCE_S) as client:
        yield client


def slug(name: str) -> str:
    return name.replace(" ", "-").replace("'", "").replace(",", "")


def invoke(client: httpx.Client, graph: str) -> str:
    return str(client.post(f"/{graph}/invoke", json={"input": "hi"}).json()["output"])


def stream(client: httpx.Client, graph: str) -> str:
    return "".join(streamed(client, graph))


def streamed(client: httpx.Client, graph: str) -> Iterator[str]:
    with client.stream("POST", f"/{graph}/stream", json={"input": "hi"}) as response:
        yield from (data for event, data in sse(response) if event == "data")


def stream_events(client: httpx.Client, graph: str) -> str:
    with client.stream("POST", f"/{graph}/stream_events", json={"input": "hi"}) as response:
        frames = [data for event, data in sse(response) if event == "data"]
    return "".join(
        data["data"]["chunk"]
        for data in frames
        if data["event"] == "on_chain_stream" and not data["parent_ids"]
    )


def chat(client: httpx.Client, graph: str) -> str:
    return "".join(chatted(client, graph))


def chatted(client: httpx.Client, graph: str) -> Iterator[str]:
    with client.stream("POST", "/chat", json={"text": "hi", "graph": graph}) as response:
        yield from response.iter_text()


def chat_as_json(client: httpx.Client, graph: str) -> str:
    asked = client.post("/chat", json={"text": "hi", "graph": graph}, headers={"accept": "application/json"})
    return str(asked.json()["output"])


def native(client: httpx.Client, graph: str) -> tuple[str, str]:
    """Return the answer as the events have it, and the run's output."""
    texts: dict[str, str] = {}
    headers = {"accept": "text/event-stream"}
    with client.stream("POST", f"/{graph}/runs", json={"input": "hi"}, headers=headers) as response:
        for event, data in sse(response):
            if event == "started":
                run_id = data["run_id"]
            if event == "token" and data["channel"] == "answer":
                texts[data["message_id"]] = texts.get(data["message_id"], "") + data["text"]
            if event == "retracted":
                del texts[data["message_id"]]
    return "".join(texts.values()), client.get(f"/{graph}/runs/{run_id}").json()["output"]


async def plain(name: str) -> str:
    """Return the answer in the state that LangGraph itself ends with."""
    async for mode, value in made(name).astream(
        {"messages": [HumanMessage("hi")]}, stream_mode=["values", "messages"]
    ):
        if mode == "values":
            state: Any = value
    if state.get("structured_response") is not None:
        return json.dumps(to_jsonable_python(state["structured_response"]))
    message: BaseMessage = state["messages"][-1]
    return str(message.text)


def same(text: str) -> Any:
    """Return what the text says: neither JSON's spaces count, nor those around a text."""
    return json.loads(text) if text.startswith("{") else text.strip()


TEXTS = (stream, stream_events, chat)
WHOLES = (invoke, chat_as_json)


@pytest.mark.parametrize("name", SERVED)
def test_every_protocol_has_the_answer_of_langgraphs_own_state(name: str, client: httpx.Client) -> None:
    GATE.open()
    expected = same(asyncio.run(plain(name)))

    texts = [ask(client, slug(name)) for ask in TEXTS]
    wholes = [same(ask(client, slug(name))) for ask in WHOLES]
    events, output = native(client, slug(name))

    assert [*wholes, same(events), same(output)] == [expected] * 4
    shown = [*map(same, SHAPES[name].shown)]
    first, *later = [[same(each) for each in text.split(BREAK)] for text in texts]
    assert (first, shown[-1]) == (shown, expected)
    assert all(
        each in (shown, shown[-1:]) for each in later
    )  # the first run may have taught what to hold back


@pytest.mark.parametrize("read", [streamed, chatted])
@pytest.mark.parametrize("name", [name for name in LIVE if name in SERVED])
def test_a_live_answer_is_on_the_wire_before_its_model_has_ended(
    name: str, read: Callable[[httpx.Client, str], Iterator[str]], client: httpx.Client
) -> None:
    GATE.close()
    text = ""
    for chunk in read(client, slug(name)):
        text += chunk
        if "The answer" in text:
            GATE.open()

    assert same(text.split(BREAK)[-1]) == "The answer is here."
