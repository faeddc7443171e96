"""Deletions of a thread's stored messages, which no writer may rely on meanwhile."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from contextvars import Context
from functools import partial
from typing import Any, NamedTuple, TypeVar

from seltzer.errors import StorageFailed
from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.checkpoints.progress import CheckpointCounts
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql.erasure import erase_some, unfinished
from seltzer.stores.sqlite.transactions import Work

log = logging.getLogger(__name__)

T = TypeVar("T")


class Deletion(NamedTuple):
    """What was deleted.

    numbers: of the thread's messages; None means all. was_found: there was something. pruned_to: from which
    seq on the next pruning may find more. has_more: the rest is yet to be erased, in steps.
    """

    numbers: Collection[int] | None = None
    was_found: bool = True
    pruned_to: int = 0
    has_more: bool = False


class MessageDeletions:
    """The deletions under way, one a thread at a time. For use in the event loop alone.

    counts: of each thread's checkpoints. on_erased: called when all of a thread has been erased.

    The file's writer does its work in order: a deletion sees what was written before it, and whoever comes
    later waits for its end, when the deleted messages aren't cached any more.
    """

    def __init__(self, database: Database, cache: MessageCache, counts: CheckpointCounts) -> None:
        self._database = database
        self._cache = cache
        self._counts = counts
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._unfinished: set[str] = set()  # threads that are still to be erased
        self.on_erased: Callable[[], None] = _nothing

    def is_running(self, thread_id: str) -> bool:
        """Return whether something of the thread is being deleted."""
        return thread_id in self._tasks

    async def wait_idle(self, thread_id: str) -> None:
        """Wait until nothing of the thread is being deleted, which holds until the caller waits again.

        Raises StorageFailed if an earlier thread of that id can't be erased.
        """
        while True:
            if task := self._tasks.get(thread_id):
                await asyncio.wait([task])
            elif thread_id in self._unfinished:
                await asyncio.shield(self._start(thread_id, self._erase(thread_id)))
            else:
                return

    async def run(self, thread_id: str, work: Work[Deletion]) -> Deletion:
        """Do the work, and what it has left to erase; return what the work does.

        Once started, it is done though its caller is cancelled. Raises as Database.write does.
        """
        await self.wait_idle(thread_id)
        deleted = await asyncio.shield(self._start(thread_id, self._delete(thread_id, work)))
        if deleted.has_more:
            try:
                await self.wait_idle(thread_id)
            except StorageFailed as error:
                log.warning("the deleted thread %s can't be erased now", thread_id, exc_info=error)
        return deleted

    async def resume(self) -> None:
        """Continue what an earlier process has begun to erase, in the background."""
        for thread_id in await self._database.read(unfinished):
            self._unfinished.add(thread_id)
            self._start(thread_id, self._erase(thread_id))

    def _start(self, thread_id: str, deleting: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        # It outlives its caller, so it gets nothing of the caller's context.
        loop = asyncio.get_running_loop()
        task = loop.create_task(deleting, name="delete messages", context=Context())
        self._tasks[thread_id] = task
        task.add_done_callback(partial(self._end, thread_id), context=Context())
        return task

    def _end(self, thread_id: str, task: "asyncio.Task[Any]") -> None:
        """Begin to erase what the task has left; if it has failed, whoever needs the thread tries again."""
        del self._tasks[thread_id]
        if not task.cancelled() and task.exception() is None and thread_id in self._unfinished:
            self._start(thread_id, self._erase(thread_id))

    async def _delete(self, thread_id: str, work: Work[Deletion]) -> Deletion:
        deleted = await self._database.write(work)
        if deleted.numbers is None or deleted.numbers:
            self._cache.evict(thread_id, deleted.numbers)
        if deleted.has_more:
            self._unfinished.add(thread_id)
        elif deleted.numbers is None:
            self.on_erased()
        if deleted.numbers is None:
            self._counts.forget(thread_id)
        return deleted

    async def _erase(self, thread_id: str) -> None:
        while await self._database.write(lambda connection: erase_some(connection, thread_id)):
            pass
        self._unfinished.discard(thread_id)
        self.on_erased()


def _nothing() -> None:
    """Do nothing."""
