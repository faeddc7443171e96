"""Conversations: what became of a graph's threads, over the stores and LangGraph's own view of a state."""

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot

from seltzer.errors import UnknownCheckpoint, UnknownThread
from seltzer.runs.event import Json, RunId
from seltzer.runs.graph import AnyPregel
from seltzer.runs.jsonable import to_json
from seltzer.runs.messages.spellings import as_answer, messages_in
from seltzer.runs.ports import Checkpoints, Threads
from seltzer.runs.thread import Thread
from seltzer.runs.threads.state_reading import read_state
from seltzer.runs.threads.thread_messages import messages_at
from seltzer.runs.threads.turns import Branch, branches, turn_of
from seltzer.runs.tree import turn_starts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A thread's state at one of its checkpoints.

    values is the graph's state as JSON, next the nodes that would run next, interrupts are their questions:
    `[{id, value}]`. source is LangGraph's: input, loop, update or fork. step counts from -1, the
    input. All but these are None while there is no checkpoint.
    """

    checkpoint_id: str | None
    parent_checkpoint_id: str | None
    created_at: str | None
    source: str | None
    run_id: RunId | None
    step: int | None
    next: tuple[str, ...]
    values: Json
    interrupts: Json


class Conversations:
    """The threads of the graphs that are served. pregels execute them, each with its checkpointer.

    Every verb about one thread, but messages(), raises UnknownThread if no run of that graph was ever started
    on it. A thread may have runs of several graphs: it is listed with the one that ran last.
    """

    def __init__(self, threads: Threads, checkpoints: Checkpoints, pregels: Mapping[str, AnyPregel]) -> None:
        self._threads = threads
        self._checkpoints = checkpoints
        self._pregels = pregels

    async def list(
        self, graph: str, *, query: str = "", limit: int, before: int | None = None
    ) -> builtins.list[Thread]:
        """Return the graph's threads, the one with the newest run first, at most limit of them.

        query: only those whose title contains it. before: only those whose newest run's number is below it.
        """
        return await self._threads.list(graph, query=query, limit=limit, before=before)

    async def get(self, graph: str, thread_id: str) -> Thread:
        """Return the thread."""
        thread = await self._threads.get(thread_id)
        if thread is None or not await self._has_run(graph, thread):
            raise _unknown(graph, thread_id)
        return thread

    async def state(self, graph: str, thread_id: str, checkpoint_id: str | None = None) -> Snapshot:
        """Return the thread's state as it is now, or at the checkpoint. Raises UnknownCheckpoint."""
        await self.get(graph, thread_id)
        pregel, place = self._pregels[graph], _config(thread_id, checkpoint_id)
        state, _ = await read_state(pregel, place)
        if checkpoint_id is not None and state.created_at is None:
            raise UnknownCheckpoint(f"thread {thread_id!r} has no checkpoint {checkpoint_id!r}")
        return _snapshot(state)

    async def newest_turn(self, graph: str, thread_id: str) -> str:
        """Return the checkpoint with which the thread's newest turn begins. Raises UnknownCheckpoint."""
        await self.get(graph, thread_id)
        for start in turn_starts(await self._checkpoints.tree(thread_id)):
            return start.checkpoint_id
        raise UnknownCheckpoint(f"thread {thread_id!r} has no turn that is kept")

    async def turn_of(self, graph: str, thread_id: str, message_id: str) -> str | None:
        """Return the checkpoint with which the turn begins that has added the message.

        None if the thread doesn't have the message, or that turn's beginning isn't kept.
        """
        await self.get(graph, thread_id)
        return await turn_of(
            self._pregels[graph], thread_id, await self._checkpoints.tree(thread_id), message_id
        )

    async def branches(self, graph: str, thread_id: str, *, limit: int) -> builtins.list[Branch]:
        """Return the thread's branches, the one written last first, at most limit of them."""
        await self.get(graph, thread_id)
        refs = await self._checkpoints.tree(thread_id)
        return await branches(self._pregels[graph], thread_id, refs, limit)

    async def history(
        self,
        graph: str,
        thread_id: str,
        *,
        limit: int,
        before: str | None = None,
        has_values: bool = True,
    ) -> builtins.list[Snapshot]:
        """Return the thread's states, newest first, at most limit of them.

        before: only those older than that checkpoint, which may be gone. has_values: with their values, which
        are None otherwise.
        """
        await self.get(graph, thread_id)
        states = self._pregels[graph].aget_state_history(
            _config(thread_id), limit=limit, before=_config(thread_id, before) if before else None
        )
        return [_snapshot(state, has_values=has_values) async for state in states]

    async def messages(self, graph: str, thread_id: str) -> builtins.list[BaseMessage]:
        """Return the thread's messages as the graph has them, oldest first; none if the thread is new.

        Of a function those that it has saved for its next run, else what it has returned.
        """
        pregel, place = self._pregels[graph], _config(thread_id)
        found: Sequence[BaseMessage]
        if isinstance(pregel, CompiledStateGraph) or not isinstance(pregel.checkpointer, BaseCheckpointSaver):
            found = messages_in((await read_state(pregel, place)).state.values)
        else:
            stored = await pregel.checkpointer.aget_tuple(place)
            found = messages_at(pregel, stored.checkpoint["channel_values"]) if stored else ()
        return [as_answer(each) or each for each in found]

    async def rename(self, graph: str, thread_id: str, title: str) -> Thread:
        """Set the thread's title, and return the thread."""
        await self.get(graph, thread_id)
        thread = await self._threads.rename(thread_id, title)
        if thread is None:
            raise _unknown(graph, thread_id)
        return thread

    async def delete(self, graph: str, thread_id: str) -> None:
        """Delete the thread, its runs, events and state. Raises ThreadBusy while a run is active on it."""
        thread = await self._threads.get(thread_id)
        if thread is not None and not await self._has_run(graph, thread):
            raise _unknown(graph, thread_id)
        if not await self._threads.delete(thread_id):
            raise _unknown(graph, thread_id)

    async def _has_run(self, graph: str, thread: Thread) -> bool:
        return thread.graph == graph or await self._threads.has_run(thread.thread_id, graph)


def _unknown(graph: str, thread_id: str) -> UnknownThread:
    return UnknownThread(f"graph {graph!r} has no thread {thread_id!r}")


def _config(thread_id: str, checkpoint_id: str | None = None) -> RunnableConfig:
    return {
        "configurable": {"thread_id": thread_id, "checkpoint_ns": ""}
        | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {})
    }


def _snapshot(state: StateSnapshot, *, has_values: bool = True) -> Snapshot:
    metadata = state.metadata or {}
    return Snapshot(
        checkpoint_id=_checkpoint_id(state.config),
        parent_checkpoint_id=_checkpoint_id(state.parent_config),
        created_at=state.created_at,
        source=metadata.get("source"),
        run_id=metadata.get("run_id"),
        step=metadata.get("step"),
        next=state.next,
        values=to_json(state.values) if has_values else None,
        interrupts=[{"id": each.id, "value": to_json(each.value)} for each in state.interrupts],
    )


def _checkpoint_id(config: RunnableConfig | None) -> str | None:
    return (config or {}).get("configurable", {}).get("checkpoint_id")
