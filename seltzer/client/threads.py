"""The client's calls about threads, with asyncio and without: AsyncThreads and Threads."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from seltzer.client.http import requests
from seltzer.client.http.requests import Request
from seltzer.client.records import (
    Branch,
    Checkpoint,
    RunInfo,
    ThreadPage,
    ThreadState,
    branches,
    checkpoints,
    run_info,
    thread_page,
    thread_state,
)

_Record = TypeVar("_Record")


class AsyncThreads:
    """What AsyncClient does with threads. All methods raise ServerUnreachable and ServerError."""

    async def threads(
        self, graph: str, *, query: str = "", limit: int | None = None, cursor: str | None = None
    ) -> ThreadPage:
        """Return the graph's threads, the newest first; query: only those whose title contains it."""
        return await self._answer(requests.threads(graph, query, limit, cursor), thread_page)

    async def thread(self, graph: str, thread_id: str, *, checkpoint_id: str | None = None) -> ThreadState:
        """Return a thread with its state as it is now, or at one of its checkpoints."""
        return await self._answer(requests.thread(graph, thread_id, checkpoint_id), thread_state)

    async def history(
        self, graph: str, thread_id: str, *, limit: int | None = None, before: str | None = None
    ) -> tuple[Checkpoint, ...]:
        """Return a thread's states, the newest first; before: only those older than that checkpoint."""
        return await self._answer(requests.history(graph, thread_id, limit, before), checkpoints)

    async def branches(self, graph: str, thread_id: str, *, limit: int | None = None) -> tuple[Branch, ...]:
        """Return a thread's branches, the newest first."""
        return await self._answer(requests.branches(graph, thread_id, limit), branches)

    async def update_state(
        self,
        graph: str,
        thread_id: str,
        values: Any,
        *,
        as_node: str | None = None,
        checkpoint_id: str | None = None,
    ) -> ThreadState:
        """Update a thread's state as if a node had returned the values, and return the thread.

        as_node: the node; by default the one that has written last. checkpoint_id: the state to update,
        instead of the newest. None for values, as_node `__copy__`: that state becomes the newest one again.
        """
        update = requests.update_state(graph, thread_id, values, as_node, checkpoint_id)
        return await self._answer(update, thread_state)

    async def withdraw(self, graph: str, run_id: str) -> RunInfo:
        """Withdraw what an interrupted run asks; return the run that has done so, which is cancelled."""
        return await self._answer(requests.withdraw(graph, run_id), run_info)

    async def delete_thread(self, graph: str, thread_id: str) -> None:
        """Delete a thread with its runs and their events."""
        await self._send(requests.delete_thread(graph, thread_id))

    @abstractmethod
    async def _send(self, request: Request) -> bytes: ...

    @abstractmethod
    async def _answer(self, request: Request, read: Callable[[Any], _Record]) -> _Record: ...


class Threads:
    """Does what AsyncThreads does, without asyncio."""

    def threads(
        self, graph: str, *, query: str = "", limit: int | None = None, cursor: str | None = None
    ) -> ThreadPage:
        """Return the graph's threads, the newest first; query: only those whose title contains it."""
        return self._answer(requests.threads(graph, query, limit, cursor), thread_page)

    def thread(self, graph: str, thread_id: str, *, checkpoint_id: str | None = None) -> ThreadState:
        """Return a thread with its state as it is now, or at one of its checkpoints."""
        return self._answer(requests.thread(graph, thread_id, checkpoint_id), thread_state)

    def history(
        self, graph: str, thread_id: str, *, limit: int | None = None, before: str | None = None
    ) -> tuple[Checkpoint, ...]:
        """Return a thread's states, the newest first; before: only those older than that checkpoint."""
        return self._answer(requests.history(graph, thread_id, limit, before), checkpoints)

    def branches(self, graph: str, thread_id: str, *, limit: int | None = None) -> tuple[Branch, ...]:
        """Return a thread's branches, the newest first."""
        return self._answer(requests.branches(graph, thread_id, limit), branches)

    def update_state(
        self,
        graph: str,
        thread_id: str,
        values: Any,
        *,
        as_node: str | None = None,
        checkpoint_id: str | None = None,
    ) -> ThreadState:
        """Update a thread's state as if a node had returned the values, and return the thread.

        as_node: the node; by default the one that has written last. checkpoint_id: the state to update,
        instead of the newest. None for values, as_node `__copy__`: that state becomes the newest one again.
        """
        update = requests.update_state(graph, thread_id, values, as_node, checkpoint_id)
        return self._answer(update, thread_state)

    def withdraw(self, graph: str, run_id: str) -> RunInfo:
        """Withdraw what an interrupted run asks; return the run that has done so, which is cancelled."""
        return self._answer(requests.withdraw(graph, run_id), run_info)

    def delete_thread(self, graph: str, thread_id: str) -> None:
        """Delete a thread with its runs and their events."""
        self._send(requests.delete_thread(graph, thread_id))

    @abstractmethod
    def _send(self, request: Request) -> bytes: ...

    @abstractmethod
    def _answer(self, request: Request, read: Callable[[Any], _Record]) -> _Record: ...
