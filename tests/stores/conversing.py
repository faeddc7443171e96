"""Graphs that answer at once, and turns on their threads, for tests of the checkpoints."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Checkpoints
from seltzer.stores.sqlite.checkpoints.checkpoints import SqliteCheckpoints
from seltzer.stores.sqlite.database import Database, open_database


async def migrated(file: Path) -> Path:
    """Return the file, created and migrated."""
    await (await open_database(file)).aclose()
    return file


@asynccontextmanager
async def open_checkpoints(file: Path, *, spare: int = 0, **options: Any) -> AsyncIterator[SqliteCheckpoints]:
    """Open the file; pruning happens at once."""
    async with opened(file) as database:
        yield SqliteCheckpoints(database, spare=spare, **options)


@asynccontextmanager
async def opened(file: Path) -> AsyncIterator[Database]:
    database = await open_database(file)
    try:
        yield database
    finally:
        await database.aclose()


@asynccontextmanager
async def blocked_writes(database: Database) -> AsyncIterator[None]:
    """Block all writes until the block ends."""
    has_begun, may_end = threading.Event(), threading.Event()

    def block(connection: sqlite3.Connection) -> None:
        has_begun.set()
        assert may_end.wait(10)

    blocking = asyncio.create_task(database.write(block))
    assert await asyncio.to_thread(has_begun.wait, 10)
    try:
        yield
    finally:
        may_end.set()
        await blocking


class Talk(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages]


def graph(node: Any, schema: Any = Talk) -> AnyPregel:
    """Return a graph of one node."""
    builder = StateGraph(schema)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


def echo() -> AnyPregel:
    """Return a graph that echoes its input."""
    return graph(lambda state: {"messages": [AIMessage(f"you said {state['messages'][-1].content}")]})


def agent() -> AnyPregel:
    """Return a graph that calls a tool, then answers: four messages a turn with the question."""

    def model(state: Talk) -> Any:
        if isinstance(state["messages"][-1], ToolMessage):
            return {"messages": [AIMessage("it is 4")]}
        call = {"name": "add", "args": {"sum": "2+2"}, "id": f"call {len(state['messages'])}"}
        return {"messages": [AIMessage("", tool_calls=[call])]}

    def tools(state: Talk) -> Any:
        (call,) = state["messages"][-1].tool_calls  # type: ignore[attr-defined]  # an AIMessage
        return {"messages": [ToolMessage("4", tool_call_id=call["id"])]}

    builder = StateGraph(Talk)
    builder.add_node("model", model)
    builder.add_node("tools", tools)
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    builder.add_edge("tools", "model")
    return builder.compile()


def asking(*questions: str) -> AnyPregel:
    """Return a graph that asks these, one after the other, before it answers."""

    def node(state: Talk) -> Any:
        answers = [interrupt(question) for question in questions]
        return {"messages": [AIMessage(f"answered {', '.join(answers)}")]}

    return graph(node)


def nested(inner: AnyPregel) -> AnyPregel:
    """Return a graph whose node is the other one."""
    builder = StateGraph(Talk)
    builder.add_node("inner", inner)
    builder.add_edge(START, "inner")
    return builder.compile()


def on(checkpoints: Checkpoints, pregel: AnyPregel) -> AnyPregel:
    return pregel.copy({"checkpointer": checkpoints.saver_for(pregel)})


def config(thread_id: str = "t", run_id: str = "", **configurable: Any) -> Any:
    """Return a run's config, as the engine makes it."""
    about = {"run_id": run_id} if run_id else {}
    return {
        "configurable": {"thread_id": thread_id, **configurable},
        "metadata": about,
        "recursion_limit": 50,
    }


async def turn(pregel: AnyPregel, text: Any, *args: Any, **options: Any) -> list[str]:
    """Run a turn, by a text, an answer (a Command) or any input, and return the thread's texts."""
    given = {"messages": [HumanMessage(text)]} if isinstance(text, str) else text
    where = config(*args, **options)
    async for _ in pregel.astream(given, where, durability="sync"):
        pass
    return await texts(pregel, where["configurable"]["thread_id"])


async def texts(pregel: AnyPregel, thread_id: str = "t") -> list[str]:
    state = await pregel.aget_state(config(thread_id))
    return [message.content for message in state.values.get("messages", [])]


async def seen(pregel: AnyPregel, thread_id: str = "t") -> dict[str, Any]:
    """Return all that can be seen of the thread's state, comparable."""
    state = await pregel.aget_state(config(thread_id), subgraphs=True)
    return {
        "values": state.values,
        "next": state.next,
        "config": state.config["configurable"],
        "metadata": state.metadata,
        "tasks": [(task.id, task.name, task.interrupts, task.result, task.error) for task in state.tasks],
        "inner": [getattr(task.state, "values", None) for task in state.tasks],
    }


def answered(answer: str) -> Command[Any]:
    return Command(resume=answer)


def rows(file: Path, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
    """Return what is in the file, by another connection; or change it."""
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        return connection.execute(statement, parameters).fetchall()
    finally:
        connection.close()


def counts(file: Path, thread_id: str = "t") -> dict[str, int]:
    """Return how many rows each table has of the thread."""
    tables = ("checkpoints", "writes", "checkpoint_messages")
    found = {}
    for table in tables:
        ((found[table],),) = rows(file, f"SELECT count(*) FROM {table} WHERE thread_id = ?", (thread_id,))
    return found


def run_ids(file: Path) -> set[str]:
    """Return the runs that the checkpoints name."""
    return {
        json.loads(metadata).get("run_id", "")
        for (metadata,) in rows(file, "SELECT metadata FROM checkpoints")
    }
