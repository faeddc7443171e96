"""Conversations: what became of a graph's threads, over the stores and LangGraph's own view of a state."""

import builtins
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot

from seltzer.errors import InvalidInput, UnknownCheckpoint, UnknownThread
from seltzer.runs.graph import AnyPregel
from seltzer.runs.messages.spellings import as_answer, messages_in
from seltzer.runs.ports import Checkpoints, Threads
from seltzer.runs.thread import Thread, ThreadStorage
from seltzer.runs.threads.excerpts import WHOLE, Extent, excerpt, keys_of
from seltzer.runs.threads.history import HistoryPage, read_page
from seltzer.runs.threads.snapshots import Snapshot, off_loop, snapshot
from seltzer.runs.threads.state_reading import read_state
from seltzer.runs.threads.thread_messages import messages_at
from seltzer.runs.threads.turn_list import TurnPage, read_turns
from seltzer.runs.threads.turns import Branch, branches, turn_of
from seltzer.runs.tree import turn_starts


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

    async def state(
        self, graph: str, thread_id: str, checkpoint_id: str | None = None, *, extent: Extent = WHOLE
    ) -> Snapshot:
        """Return the thread's state as it is now, or at the checkpoint.

        Raises UnknownCheckpoint, and InvalidInput for a key that the state hasn't.
        """
        state = await self._state(graph, thread_id, checkpoint_id)
        keys = keys_of(state.values)
        if extent.key is not None and extent.key not in keys:
            raise InvalidInput("key", f"is no key of the thread's state; it has {', '.join(keys) or 'none'}")
        return snapshot(state, await off_loop(partial(excerpt, state.values, extent)))

    async def message_ids(
        self, graph: str, thread_id: str, checkpoint_id: str | None = None
    ) -> set[str | None]:
        """Return the ids of the messages in the thread's state. Raises UnknownCheckpoint."""
        state = await self._state(graph, thread_id, checkpoint_id)
        return {message.id for message in messages_in(state.values)}

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

    async def turns(
        self, graph: str, thread_id: str, *, limit: int, before: str | None = None, limit_bytes: int
    ) -> TurnPage:
        """Return a page of the turns of the thread's newest branch, newest first, at most limit of them.

        before: only those before the turn that begins at that checkpoint. limit_bytes: how long their inputs
        may be together. Raises UnknownCheckpoint if no turn begins there.
        """
        await self.get(graph, thread_id)
        return await read_turns(
            self._pregels[graph],
            thread_id,
            await self._checkpoints.tree(thread_id),
            limit=limit,
            before=before,
            limit_bytes=limit_bytes,
        )

    async def history(
        self,
        graph: str,
        thread_id: str,
        *,
        limit: int,
        before: str | None = None,
        has_values: bool = True,
        limit_bytes: int | None = None,
    ) -> HistoryPage:
        """Return a page of the thread's states, newest first, at most limit of them.

        before: only those older than that checkpoint; if it isn't kept any more, than the time in its id.
        has_values: with their values, which are None otherwise. limit_bytes: how long these may be together.
        Raises UnknownCheckpoint for what can't be the id of a checkpoint.
        """
        await self.get(graph, thread_id)
        if before is not None and not _is_id(before):
            raise UnknownCheckpoint(f"thread {thread_id!r} has no checkpoint {before!r}")
        return await read_page(
            self._pregels[graph],
            _config(thread_id),
            limit=limit,
            before=_config(thread_id, before) if before else None,
            has_values=has_values,
            limit_bytes=limit_bytes,
        )

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

    async def storage(self, graph: str, thread_id: str) -> ThreadStorage:
        """Return what the thread takes in the store."""
        await self.get(graph, thread_id)
        return await self._threads.storage(thread_id)

    async def delete(self, graph: str, thread_id: str) -> None:
        """Delete the thread, its runs, events and state. Raises ThreadBusy while a run is active on it."""
        thread = await self._threads.get(thread_id)
        if thread is not None and not await self._has_run(graph, thread):
            raise _unknown(graph, thread_id)
        if not await self._threads.delete(thread_id):
            raise _unknown(graph, thread_id)

    async def _state(self, graph: str, thread_id: str, checkpoint_id: str | None) -> StateSnapshot:
        await self.get(graph, thread_id)
        state, _ = await read_state(self._pregels[graph], _config(thread_id, checkpoint_id))
        if checkpoint_id is not None and state.created_at is None:
            raise UnknownCheckpoint(f"thread {thread_id!r} has no checkpoint {checkpoint_id!r}")
        return state

    async def _has_run(self, graph: str, thread: Thread) -> bool:
        if thread.run is None:
            return False
        return thread.graph == graph or await self._threads.has_run(thread.thread_id, graph)


def _unknown(graph: str, thread_id: str) -> UnknownThread:
    return UnknownThread(f"graph {graph!r} has no thread {thread_id!r}")


def _config(thread_id: str, checkpoint_id: str | None = None) -> RunnableConfig:
    return {
        "configurable": {"thread_id": thread_id, "checkpoint_ns": ""}
        | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {})
    }


def _is_id(checkpoint_id: str) -> bool:
    try:
        UUID(checkpoint_id)
    except ValueError:
        return False
    return True
