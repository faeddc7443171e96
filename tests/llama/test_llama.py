"""A server that isn't ours: llama.cpp's, with a model made on the spot. Run by `make test-llama` alone."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.llama import tiny_model
from tests.llama.tiny_model import WORDS
from tests.patience import PATIENCE_S
from tests.protocols.following import Seen, events_in
from tests.serving import serving, write_graphs

PYTHON = os.environ.get("LLAMA_PYTHON", "")
pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="make test-llama runs it"),
    # It keeps connections open, which end with the loop of our server.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

STARTS_WITHIN_S = 120
LENGTH = 24
HEAD = f"""
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from seltzer.models import chat_model

stock = ChatOpenAI(model="tiny", temperature=0, max_tokens={LENGTH})

def graph_of(node):
    return StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
"""
GRAPHS = {
    "stock": """
async def node(state):
    return {"messages": [await stock.ainvoke(state["messages"])]}
graph = graph_of(node)
""",
    "function": """
def node(state):
    return {"messages": [stock.invoke(state["messages"])]}
graph = graph_of(node)
""",
    "ours": f"""
model = chat_model().bind(temperature=0, max_tokens={LENGTH})
async def node(state):
    return {{"messages": [await model.ainvoke(state["messages"])]}}
graph = graph_of(node)
""",
}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of llama.cpp's server, with the model loaded."""
    folder = tmp_path_factory.mktemp("llama")
    model = folder / "tiny.gguf"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    subprocess.run([PYTHON, tiny_model.__file__, str(model)], check=True)
    serve = [PYTHON, "-m", "llama_cpp.server", "--model", str(model), "--port", str(port), "--n_ctx", "512"]
    with (folder / "log").open("wb") as log, subprocess.Popen(serve, stdout=log, stderr=log) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/v1/models", process, folder / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until it answers; connecting is refused until it is up."""
    transport = httpx.HTTPTransport(retries=10)  # with pauses that double
    with httpx.Client(transport=transport, timeout=STARTS_WITHIN_S) as client:
        try:
            client.get(url).raise_for_status()
        except httpx.HTTPError as error:
            raise AssertionError(f"it isn't up ({process.poll()}): {log.read_text()[-2000:]}") from error


@pytest.fixture(scope="module")
def served(llama: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The graphs' server."""
    folder = tmp_path_factory.mktemp("served")
    config = write_graphs(folder, {name: HEAD + source for name, source in GRAPHS.items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", llama)
        patch.setenv("OPENAI_API_KEY", "k")
        with ThreadPoolExecutor(1) as thread:
            settings = Settings(_env_file=None, config=config, data=folder / "data")
            app = thread.submit(create_app, settings).result()
        with serving(app) as server:
            yield server.url


def run(url: str, graph: str) -> list[Seen]:
    answer = httpx.post(
        f"{url}/{graph}/runs",
        json={"input": "Which one?"},
        headers={"accept": "text/event-stream"},
        timeout=PATIENCE_S,
    )
    return events_in(answer.content)


@pytest.mark.parametrize("graph", GRAPHS)
def test_its_answer_is_streamed_word_by_word(graph: str, served: str) -> None:
    events = run(served, graph)

    words = [each.data["text"] for each in events if each.kind == "token" and each.data["text"]]
    output = httpx.post(f"{served}/{graph}/invoke", json={"input": "Which one?"}, timeout=PATIENCE_S).json()
    assert events[-1].kind == "finished"
    assert len(words) > LENGTH / 2
    assert {f"▁{word.strip()}" for word in words} <= set(WORDS)
    assert output["output"] == "".join(words)


def test_a_conversation_that_it_cannot_take_is_no_answer(served: str) -> None:
    """It has sent its head by then, and ends the stream without a word: there is no other sign."""
    answer = httpx.post(f"{served}/stock/invoke", json={"input": "ba " * 2_000}, timeout=PATIENCE_S)

    assert answer.json()["code"] == "upstream_truncated"
