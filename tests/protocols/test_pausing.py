"""Breakpoints that a graph is compiled with, and the context of a resumed run, over every protocol."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from seltzer.cli.chat.answer import FAILED, OK, answer, resume_thread
from seltzer.cli.chat.screen import TextScreen
from seltzer.cli.chat.sources import connected
from seltzer.client import AsyncClient, Client, Done, Interrupted, Part, Token
from seltzer.main import create_app
from seltzer.settings import Settings
from tests.patience import PATIENCE_S
from tests.protocols.behaviours import sse
from tests.serving import Served, serving, write_graphs

SOURCE = """
from dataclasses import dataclass
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

@dataclass
class Context:
    user: str = "nobody"

async def plan(state):
    return {{"messages": [AIMessage("A plan.")]}}

async def ask(state, runtime: Runtime[Context]):
    return {{"messages": [AIMessage(f"{{interrupt('sure?')}} from {{runtime.context.user}}")]}}

async def act(state):
    return {{"messages": [AIMessage("The answer is here.")]}}

builder = StateGraph(MessagesState, context_schema=Context)
builder.add_sequence([plan, {middle}act]).add_edge(START, "plan")
graph = builder.compile({options})
"""
BREAKPOINTS = {
    "before": SOURCE.format(middle="", options='interrupt_before=["act"]'),
    "after": SOURCE.format(middle="", options='interrupt_after=["plan"]'),
    "everywhere": SOURCE.format(middle="", options='interrupt_before="*"'),
}
ASKING = SOURCE.format(middle="ask, ", options="").replace(
    '"The answer is here."', 'state["messages"][-1].text'
)


@pytest.fixture(scope="module")
def pausing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("pausing")
    config = write_graphs(folder, {**BREAKPOINTS, "asking": ASKING})
    with serving(create_app(Settings(_env_file=None, config=config, data=folder / "data"))) as served:
        yield served


@pytest.fixture
def client(pausing_server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=pausing_server.url, timeout=PATIENCE_S) as client:
        yield client


@pytest.mark.parametrize("graph", BREAKPOINTS)
@pytest.mark.parametrize("endpoint", ["invoke", "batch", "stream", "stream_events", "stream_log", "chat"])
def test_a_breakpoint_is_no_answer_of_a_protocol_that_cannot_resume(
    client: httpx.Client, endpoint: str, graph: str, thread_id: str
) -> None:
    assert code_of(client, endpoint, graph, thread_id) == "run_interrupted"

    assert code_of(client, endpoint, graph, thread_id) == "thread_interrupted"
    thread = client.get(f"/{graph}/threads/{thread_id}").json()
    assert (thread["status"], thread["interrupts"]) == ("interrupted", [])


@pytest.mark.parametrize("endpoint", ["invoke", "stream", "chat"])
def test_the_refusal_and_the_log_have_how_to_answer(
    client: httpx.Client, caplog: pytest.LogCaptureFixture, endpoint: str, thread_id: str
) -> None:
    with caplog.at_level(logging.INFO, "seltzer"):
        error = error_of(client, endpoint, "asking", thread_id)

    message = error.get("detail") or error["message"]
    assert f"`seltzer chat --graph asking --thread {thread_id}`" in message
    path = re.search(r'POST {"resume": an answer} to (/runs/\S+/resume) below', message)
    assert path
    assert path[1] in caplog.text
    answered = client.post(f"/asking{path[1]}", json={"resume": "yes"})
    assert answered.status_code == 201


def code_of(client: httpx.Client, endpoint: str, graph: str, thread_id: str) -> str:
    """Ask, and return the code of the error that comes instead of an answer."""
    return str(error_of(client, endpoint, graph, thread_id)["code"])


def error_of(client: httpx.Client, endpoint: str, graph: str, thread_id: str) -> dict[str, Any]:
    """Ask, and return the error that comes instead of an answer."""
    config = {"configurable": {"thread_id": thread_id}}
    inputs: dict[str, Any] = {"inputs": ["hi"]} if endpoint == "batch" else {"input": "hi"}
    body, path = {**inputs, "config": config}, f"/{graph}/{endpoint}"
    if endpoint == "chat":
        body, path = {"text": "hi", "graph": graph, "thread_id": thread_id}, "/chat"
    with client.stream("POST", path, json=body) as response:
        if response.headers["content-type"].startswith("text/event-stream"):
            errors = [data for event, data in sse(response) if event == "error"]
            return dict(errors[0])
        return dict(json.loads(response.read()))


@pytest.mark.parametrize("graph", BREAKPOINTS)
def test_a_thread_at_a_breakpoint_continues_by_null(client: httpx.Client, graph: str, thread_id: str) -> None:
    code_of(client, "invoke", graph, thread_id)
    output = ""
    while not output:
        thread = client.get(f"/{graph}/threads/{thread_id}").json()
        assert thread["next"], thread
        resumed = client.post(
            f"/{graph}/runs/{thread['run_id']}/resume",
            json={"resume": None},
            headers={"accept": "text/event-stream"},
        )
        output = client.get(f"/{graph}/runs/{resumed.headers['x-run-id']}").json()["output"]

    assert output == "The answer is here."
    assert client.get(f"/{graph}/threads/{thread_id}").json()["status"] == "idle"


async def print_until_done(url: str, graph: str, thread: str) -> list[int]:
    """Ask in the terminal, answer each pause by `--answer null`, and return the exit codes."""
    codes: list[int] = []
    async with connected(url, Settings(_env_file=None), on_lost=lambda reason: None) as source:
        parts = source.ask(graph, "hi", thread)
        while not codes or codes[-1] == FAILED:
            codes.append((await answer(source, TextScreen(), graph, parts)).code)
            parts = resume_thread(source, graph, thread, "null")
    return codes


@pytest.mark.parametrize(("graph", "pauses"), [("before", 1), ("after", 1), ("everywhere", 2)])
def test_the_terminal_names_a_breakpoint_and_continues_from_it(
    pausing_server: Served, graph: str, pauses: int, thread_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = asyncio.run(print_until_done(pausing_server.url, graph, thread_id))

    printed = capsys.readouterr()
    assert codes == [FAILED] * pauses + [OK]
    assert printed.err.splitlines() == ["? the graph has paused at a breakpoint"] * pauses
    assert printed.out.splitlines()[-1] == "The answer is here."


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, "yes from ada"), ({"user": "bob"}, "yes from bob"), ({}, "yes from nobody")],
)
@pytest.mark.parametrize("by", ["http", "client", "async client"])
def test_a_resumed_run_has_the_context_of_the_one_that_asked_unless_it_has_its_own(
    pausing_server: Served, client: httpx.Client, given: Any, expected: str, by: str
) -> None:
    asked = [*Client(pausing_server.url).stream("hi", graph="asking", context={"user": "ada"})]
    paused = asked[-1]
    assert isinstance(paused, Interrupted)

    if by == "http":
        body = {"resume": "yes", **({} if given is None else {"context": given})}
        response = client.post(
            f"/asking/runs/{paused.run_id}/resume", json=body, headers={"accept": "text/event-stream"}
        )
        run_id = response.headers["x-run-id"]
    else:
        parts = resumed(pausing_server.url, paused, given, is_async=by == "async client")
        assert isinstance(parts[-1], Done)
        assert "".join(part.text for part in parts if isinstance(part, Token)) == expected
        run_id = parts[-1].run_id

    assert client.get(f"/asking/runs/{run_id}").json()["output"] == expected


def resumed(url: str, paused: Interrupted, context: Any, *, is_async: bool) -> list[Part]:
    """Answer by resume() without asyncio, by resume_all() with it."""
    if not is_async:
        return [*Client(url).resume("asking", paused.run_id, "yes", context=context)]

    async def resume() -> list[Part]:
        answers = {each.id: "yes" for each in paused.interrupts}
        parts = AsyncClient(url).resume_all("asking", paused.run_id, answers, context=context)
        return [part async for part in parts]

    return asyncio.run(resume())


def test_a_context_on_resume_that_does_not_fit_is_refused_by_its_field(
    pausing_server: Served, client: httpx.Client
) -> None:
    paused = [*Client(pausing_server.url).stream("hi", graph="asking")][-1]
    assert isinstance(paused, Interrupted)

    refused = client.post(
        f"/asking/runs/{paused.run_id}/resume", json={"resume": "yes", "context": {"user": 5}}
    )

    assert (refused.status_code, refused.json()["detail"].split(": ")[0]) == (422, "context.user")
    assert client.get(f"/asking/threads/{paused.thread_id}").json()["status"] == "interrupted"
