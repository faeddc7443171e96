"""Which text is the answer, through every protocol: that of LangGraph's own final state."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from pydantic_core import to_jsonable_python

from seltzer.catalog.names import slug_of
from seltzer.cli.chat.answer import OK, answer
from seltzer.cli.chat.screen import TextScreen
from seltzer.cli.chat.sources import connected
from seltzer.main import create_app
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ids import new_id
from seltzer.runs.messages.answer import BREAK
from seltzer.settings import Settings
from tests.conftest import ROOT
from tests.forkserver.process import run
from tests.patience import PATIENCE_S
from tests.protocols.behaviours import sse
from tests.runs.execution.answers import Gate, World
from tests.runs.execution.shapes import LIVE, SHAPES
from tests.serving import Served, serving, write_graphs

GATE = Gate()  # of all models that are served here
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
    sources = {slug(name): SOURCE.format(module=__name__, name=name) for name in SHAPES}
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
    return slug_of(name.replace("'", ""))


def invoke(client: httpx.Client, graph: str) -> str:
    return str(client.post(f"/{graph}/invoke", json={"input": "hi"}).json()["output"])


def batch(client: httpx.Client, graph: str) -> str:
    [output] = client.post(f"/{graph}/batch", json={"inputs": ["hi"]}).json()["output"]
    return str(output)


def stream(client: httpx.Client, graph: str) -> str:
    return "".join(streamed(client, graph))


def streamed(client: httpx.Client, graph: str) -> Iterator[str]:
    with client.stream("POST", f"/{graph}/stream", json={"input": "hi"}) as response:
        yield from (data for event, data in sse(response) if event == "data")


def stream_log(client: httpx.Client, graph: str) -> str:
    with client.stream("POST", f"/{graph}/stream_log", json={"input": "hi"}) as response:
        ops = [op for event, data in sse(response) if event == "data" for op in data["ops"]]
    return "".join(op["value"] for op in ops if op["path"] == "/streamed_output/-")


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


def chat_as_events(client: httpx.Client, graph: str) -> str:
    question, headers = {"text": "hi", "graph": graph}, {"accept": "text/event-stream"}
    with client.stream("POST", "/chat", json=question, headers=headers) as response:
        return "".join(data for event, data in sse(response) if event == "data")


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
    graph, state, question = made(name), None, HumanMessage("hi")
    takes_list = name.startswith("functions ") or name == "a list as state"
    input: Any = [question] if takes_list else {"messages": [question]}
    async for mode, value in graph.astream(input, stream_mode=["values", "messages"]):
        if mode == "values":
            state = value
    if isinstance(state, Mapping) and state.get("structured_response") is not None:
        return json.dumps(to_jsonable_python(state["structured_response"]))
    found: Any = state["messages"] if isinstance(state, Mapping) else state
    last = found[-1] if isinstance(found, list) else found
    return last if isinstance(last, str) else str(last.text)


def same(text: str) -> Any:
    """Return the text's value: neither JSON's spaces count, nor those around a text."""
    return json.loads(text) if text.startswith("{") else text.strip()


async def print_answer(url: str, graph: str) -> int:
    """Print the answer as `seltzer chat` does; return its exit code."""
    settings = Settings(_env_file=None)
    async with connected(url, settings, on_lost=lambda reason: None) as source:
        parts = source.ask(graph, "hi", new_id())
        return (await answer(source, TextScreen(), graph, parts)).code


TEXTS = (stream, stream_events, stream_log, chat, chat_as_events)
WHOLES = (invoke, batch, chat_as_json)


@pytest.mark.parametrize("name", SHAPES)
def test_every_protocol_has_the_answer_of_langgraphs_own_state(name: str, client: httpx.Client) -> None:
    GATE.open()
    expected = same(asyncio.run(plain(name)))

    texts = [ask(client, slug(name)) for ask in TEXTS]
    wholes = [same(ask(client, slug(name))) for ask in WHOLES]
    events, output = native(client, slug(name))

    assert [*wholes, same(events), same(output)] == [expected] * 5
    shown = [*map(same, SHAPES[name].shown)]
    first, *later = [[same(each) for each in text.split(BREAK)] for text in texts]
    assert (first, shown[-1]) == (shown, expected)
    assert all(
        each in (shown, shown[-1:]) for each in later
    )  # the first run may have taught what to hold back


@pytest.mark.parametrize("name", SHAPES)
def test_the_terminal_prints_the_answer(
    name: str, shapes_server: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    GATE.open()

    code = asyncio.run(print_answer(shapes_server.url, slug(name)))

    shown = [*map(same, SHAPES[name].shown)]
    lines = [*map(same, capsys.readouterr().out.splitlines())]
    assert code == OK
    assert lines in (shown, shown[-1:])


@pytest.mark.parametrize(
    "name", ["create_agent with ToolStrategy", "functions on a list of messages", "a supervisor"]
)
def test_the_command_prints_the_answer(name: str, shapes_server: Served) -> None:
    GATE.open()
    options = ["--url", shapes_server.url, "--graph", slug(name)]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}

    done = run(["chat", *options, "hi"], folder=ROOT, environment=environment)

    assert done.returncode == OK
    assert same(done.stdout) == same(SHAPES[name].shown[-1])


@pytest.mark.parametrize("read", [streamed, chatted])
@pytest.mark.parametrize("name", LIVE)
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
