"""Deletions of a thread's stored messages, which no writer may rely on meanwhile."""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextvars import Context
from typing import NamedTuple

from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql.erasure import erase_some, unfinished
from seltzer.stores.sqlite.transactions import Work

log = logging.getLogger(__name__)


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

    on_erased: called when all of a thread has been erased.

    The file's writer does its work in order: a deletion sees what was written before it, and whoever comes
    later waits for its end, when the deleted messages aren't cached any more.
    """

    def __init__(self, database: Database, cache: MessageCache) -> None:
        self._database = database
        self._cache = cache
        self._tasks: dict[str, asyncio.Task[Deletion]] = {}
        self.on_erased: Callable[[], None] = _nothing

    def is_running(self, thread_id: str) -> bool:
        """Return whether something of the thread is being deleted."""
        return thread_id in self._tasks

    async def wait_idle(self, thread_id: str) -> None:
        """Wait until nothing of the thread is being deleted, which holds until the caller waits again."""
        while task := self._tasks.get(thread_id):
            await asyncio.wait([task])

    async def run(self, thread_id: str, work: Work[Deletion]) -> Deletion:
        """Do the work, and return what it does.

        Once started, it is done though its caller is cancelled. Raises as Database.write does.
        """
        await self.wait_idle(thread_id)
        return await asyncio.shield(self._start(thread_id, work))

    async def resume(self) -> None:
        """Continue what an earlier process has begun to erase, in the background."""
        for thread_id in await self._database.read(unfinished):
            task = self._start(thread_id, lambda _: Deletion(has_more=True))
            task.add_done_callback(_log_failure)

    def _start(self, thread_id: str, work: Work[Deletion]) -> "asyncio.Task[Deletion]":
        deleting = self._delete(thread_id, work)
        # It outlives its caller, so it gets nothing of the caller's context.
        loop = asyncio.get_running_loop()
        task = loop.create_task(deleting, name="delete messages", context=Context())
        self._tasks[thread_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(thread_id))
        return task

    async def _delete(self, thread_id: str, work: Work[Deletion]) -> Deletion:
        deleted = await self._database.write(work)
        if deleted.numbers is None or deleted.numbers:
            self._cache.evict(thread_id, deleted.numbers)
        has_more = deleted.has_more
        while has_more:
            has_more = await self._database.write(lambda connection: erase_some(connection, thread_id))
        if deleted.numbers is None:
            self.on_erased()
        return deleted


def _log_failure(task: "asyncio.Task[Deletion]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("a deleted thread can't be erased now; the next start continues", exc_info=error)


def _nothing() -> None:
    """Do nothing."""
