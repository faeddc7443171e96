"""The client's calls about threads, with asyncio and without: AsyncThreads and Threads."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from typing import Any, TypeVar

from seltzer.client.http import requests
from seltzer.client.http.requests import Request
from seltzer.client.records import (
    Branch,
    Checkpoint,
    RunInfo,
    ThreadInfo,
    ThreadPage,
    ThreadState,
    ThreadStorage,
    branches,
    checkpoint_page,
    run_info,
    thread_info,
    thread_page,
    thread_state,
    thread_storage,
    with_older,
)

_Record = TypeVar("_Record")


class AsyncThreads:
    """What AsyncClient does with threads. All methods raise ServerUnreachable and ServerError."""

    async def threads(
        self, graph: str, *, query: str = "", limit: int | None = None, cursor: str | None = None
    ) -> ThreadPage:
        """Return the graph's threads, the newest first; query: only those whose title contains it."""
        return await self._answer(requests.threads(graph, query, limit, cursor), thread_page)

    async def thread(
        self, graph: str, thread_id: str, *, checkpoint_id: str | None = None, limit: int | None = None
    ) -> ThreadState:
        """Return a thread with its state as it is now, or at one of its checkpoints.

        limit: only the last items of each of the state's lists, such as its messages. A long state is read
        in several requests.
        """
        request = requests.thread(graph, thread_id, checkpoint_id, limit=limit)
        state = await self._answer(request, thread_state)
        return state if limit is not None else await self._completed(graph, state)

    async def history(
        self,
        graph: str,
        thread_id: str,
        *,
        limit: int | None = None,
        before: str | None = None,
        select: Iterable[str] | None = None,
    ) -> tuple[Checkpoint, ...]:
        """Return a page of a thread's states, the newest first; fewer than the limit if they are long.

        before: only those older than that checkpoint. select: the names of their fields to read, besides
        checkpoint_id; by default all of them.
        """
        request = requests.history(graph, thread_id, limit, before, select)
        return (await self._answer(request, checkpoint_page)).checkpoints

    async def iter_history(
        self,
        graph: str,
        thread_id: str,
        *,
        limit: int | None = 100,
        before: str | None = None,
        select: Iterable[str] | None = None,
    ) -> AsyncGenerator[Checkpoint, None]:
        """Yield all of a thread's states as history() has them, at most limit of them a request."""
        names = None if select is None else tuple(select)
        while True:
            request = requests.history(graph, thread_id, limit, before, names)
            page = await self._answer(request, checkpoint_page)
            for each in page.checkpoints:
                yield each
            before = page.next_before
            if before is None:
                return

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
        from_message: str | None = None,
    ) -> ThreadState:
        """Update a thread's state as if a node had returned the values, and return the thread.

        as_node: the node; by default the one that has written last. checkpoint_id: the state to update,
        instead of the newest. None for values, as_node `__copy__`: that state becomes the newest one again,
        or that before the turn which has added from_message. Updated once, even if the connection breaks.
        """
        update = requests.update_state(graph, thread_id, values, as_node, checkpoint_id, from_message)
        return await self._completed(graph, await self._answer_once(update, thread_state))

    async def withdraw(self, graph: str, run_id: str) -> RunInfo:
        """Withdraw, once, what an interrupted run asks; return the run that did so, which is cancelled."""
        return await self._answer_once(requests.withdraw(graph, run_id), run_info)

    async def storage(self, graph: str, thread_id: str) -> ThreadStorage:
        """Return what a thread takes in the server's store."""
        return await self._answer(requests.storage(graph, thread_id), thread_storage)

    async def rename_thread(self, graph: str, thread_id: str, title: str) -> ThreadInfo:
        """Give a thread another title, which threads() searches, and return the thread."""
        return await self._answer(requests.rename_thread(graph, thread_id, title), thread_info)

    async def delete_thread(self, graph: str, thread_id: str) -> None:
        """Delete a thread with its runs and their events."""
        await self._send(requests.delete_thread(graph, thread_id))

    async def _completed(self, graph: str, state: ThreadState) -> ThreadState:
        """Return the state with what the answer had no room for."""
        while state.omitted:
            key, before = next(iter(state.omitted.items()))
            older = requests.thread(
                graph, state.thread.thread_id, state.checkpoint_id, key=key, before=before
            )
            state = with_older(state, key, await self._answer(older, thread_state))
        return state

    @abstractmethod
    async def _send(self, request: Request) -> bytes: ...

    @abstractmethod
    async def _answer(self, request: Request, read: Callable[[Any], _Record]) -> _Record: ...

    @abstractmethod
    async def _answer_once(self, request: Request, read: Callable[[Any], _Record]) -> _Record:
        """Send the request again while the connection breaks; its own key makes it count once."""


class Threads:
    """Does what AsyncThreads does, without asyncio."""

    def threads(
        self, graph: str, *, query: str = "", limit: int | None = None, cursor: str | None = None
    ) -> ThreadPage:
        """Return the graph's threads, the newest first; query: only those whose title contains it."""
        return self._answer(requests.threads(graph, query, limit, cursor), thread_page)

    def thread(
        self, graph: str, thread_id: str, *, checkpoint_id: str | None = None, limit: int | None = None
    ) -> ThreadState:
        """Return a thread with its state as it is now, or at one of its checkpoints.

        limit: only the last items of each of the state's lists, such as its messages. A long state is read
        in several requests.
        """
        request = requests.thread(graph, thread_id, checkpoint_id, limit=limit)
        state = self._answer(request, thread_state)
        return state if limit is not None else self._completed(graph, state)

    def history(
        self,
        graph: str,
        thread_id: str,
        *,
        limit: int | None = None,
        before: str | None = None,
        select: Iterable[str] | None = None,
    ) -> tuple[Checkpoint, ...]:
        """Return a page of a thread's states, the newest first; fewer than the limit if they are long.

        before: only those older than that checkpoint. select: the names of their fields to read, besides
        checkpoint_id; by default all of them.
        """
        request = requests.history(graph, thread_id, limit, before, select)
        return (self._answer(request, checkpoint_page)).checkpoints

    def iter_history(
        self,
        graph: str,
        thread_id: str,
        *,
        limit: int | None = 100,
        before: str | None = None,
        select: Iterable[str] | None = None,
    ) -> Generator[Checkpoint, None, None]:
        """Yield all of a thread's states as history() has them, at most limit of them a request."""
        names = None if select is None else tuple(select)
        while True:
            request = requests.history(graph, thread_id, limit, before, names)
            page = self._answer(request, checkpoint_page)
            yield from page.checkpoints
            before = page.next_before
            if before is None:
                return

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
        from_message: str | None = None,
    ) -> ThreadState:
        """Update a thread's state as if a node had returned the values, and return the thread.

        as_node: the node; by default the one that has written last. checkpoint_id: the state to update,
        instead of the newest. None for values, as_node `__copy__`: that state becomes the newest one again,
        or that before the turn which has added from_message. Updated once, even if the connection breaks.
        """
        update = requests.update_state(graph, thread_id, values, as_node, checkpoint_id, from_message)
        return self._completed(graph, self._answer_once(update, thread_state))

    def withdraw(self, graph: str, run_id: str) -> RunInfo:
        """Withdraw, once, what an interrupted run asks; return the run that did so, which is cancelled."""
        return self._answer_once(requests.withdraw(graph, run_id), run_info)

    def storage(self, graph: str, thread_id: str) -> ThreadStorage:
        """Return what a thread takes in the server's store."""
        return self._answer(requests.storage(graph, thread_id), thread_storage)

    def rename_thread(self, graph: str, thread_id: str, title: str) -> ThreadInfo:
        """Give a thread another title, which threads() searches, and return the thread."""
        return self._answer(requests.rename_thread(graph, thread_id, title), thread_info)

    def delete_thread(self, graph: str, thread_id: str) -> None:
        """Delete a thread with its runs and their events."""
        self._send(requests.delete_thread(graph, thread_id))

    def _completed(self, graph: str, state: ThreadState) -> ThreadState:
        """Return the state with what the answer had no room for."""
        while state.omitted:
            key, before = next(iter(state.omitted.items()))
            older = requests.thread(
                graph, state.thread.thread_id, state.checkpoint_id, key=key, before=before
            )
            state = with_older(state, key, self._answer(older, thread_state))
        return state

    @abstractmethod
    def _send(self, request: Request) -> bytes: ...

    @abstractmethod
    def _answer(self, request: Request, read: Callable[[Any], _Record]) -> _Record: ...

    @abstractmethod
    def _answer_once(self, request: Request, read: Callable[[Any], _Record]) -> _Record:
        """Send the request again while the connection breaks; its own key makes it count once."""
