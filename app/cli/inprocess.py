"""Answers from an engine in this process: a run's events -> the client's parts."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from langchain_core.messages import HumanMessage

from app.client import Done, Part, Retracted, ServedGraph, Token, ToolCall, ToolResult
from app.errors import RunFailed
from app.runs.engine import Engine
from app.runs.event import Event
from app.runs.run import RunSpec

_SEEN_WITH_VERBOSE: Final = "The graph raised an error; --verbose shows it."
STOP_S: Final = 5.0  # how long a stopped run may take to end


class InProcess:
    """Asks the graphs of an engine; satisfies Source."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.graphs = [ServedGraph(each.name, each.takes_messages) for each in engine.graphs.values()]

    async def ask(self, graph: str, question: str, thread: str) -> AsyncGenerator[Part, None]:
        """Yield the answer's parts, ending with Done; closing it stops the run.

        Raises RunFailed, or another AppError if the run can't start.
        """
        spec = RunSpec(graph, {"messages": [HumanMessage(question)]}, thread, str(uuid4()), attached=True)
        await self._engine.start(spec)
        try:
            calls = _Calls()
            async with aclosing(self._events(spec.run_id)) as events:
                async for event in events:
                    for part in calls.parts(event):
                        yield part
        finally:
            await self._stop(spec.run_id)
        yield Done(spec.run_id, thread)

    async def _events(self, run_id: str) -> AsyncGenerator[Event, None]:
        async for event in self._engine.follow(run_id):
            yield event

    async def _stop(self, run_id: str) -> None:
        """Cancel the run unless it has ended, and wait until its thread is free for the next question."""
        await self._engine.cancel(run_id)
        async with asyncio.timeout(STOP_S):
            async for _ in self._engine.follow(run_id):
                pass


@dataclass(slots=True)
class _Call:
    """A tool call whose arguments are still coming in."""

    name: str = ""
    args: str = ""


@dataclass(slots=True)
class _Calls:
    """Gathers tool calls from their deltas: a call is whole when anything else is said."""

    open: dict[tuple[str, int], _Call] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def parts(self, event: Event) -> Iterator[Part]:
        """Yield what the event shows a person. Raises RunFailed for a run that ended without an answer."""
        if event.kind == "tool_call":
            self._gather(event.data)
            return
        for call in self.open.values():
            yield ToolCall(call.name, _parsed(call.args))
        self.open.clear()
        match event.kind, event.data:
            case "token", {"channel": "answer", "text": text}:
                yield Token(text)
            case "retracted", _:
                yield Retracted()
            case "tool_result", result:
                name = result["name"] or self.names.get(result["call_id"], "")
                yield ToolResult(name, _text(result["content"]), result["status"] == "error")
            case "failed", {"code": code, "message": message}:
                raise RunFailed(code, _SEEN_WITH_VERBOSE if code == "graph_error" else message)
            case "cancelled", _:
                raise RunFailed("run_cancelled", "The run was cancelled.")
            case "interrupted", _:
                raise RunFailed(
                    "run_interrupted", "The graph asks for input, which the terminal can't give yet."
                )

    def _gather(self, data: dict[str, Any]) -> None:
        call = self.open.setdefault((data["message_id"], data["index"]), _Call())
        call.name += data["name"] or ""
        call.args += data["args"] or ""
        if data["call_id"]:
            self.names[data["call_id"]] = call.name


def _parsed(args: str) -> Any:
    try:
        return json.loads(args)
    except json.JSONDecodeError:
        return args


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
