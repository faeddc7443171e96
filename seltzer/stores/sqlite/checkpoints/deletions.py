"""Deletions of a thread's stored messages, which no writer may rely on meanwhile."""

import asyncio
from collections.abc import Collection
from contextvars import Context
from typing import NamedTuple

from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.transactions import Work


class Deletion(NamedTuple):
    """What was deleted.

    numbers: of the thread's messages; None means all. was_found: there was something. pruned_to: from which
    seq on the next pruning may find more.
    """

    numbers: Collection[int] | None = None
    was_found: bool = True
    pruned_to: int = 0


class MessageDeletions:
    """The deletions under way, one a thread at a time. For use in the event loop alone.

    The file's writer does its work in order: a deletion sees what was written before it, and whoever comes
    later waits for its end, when the deleted messages aren't cached any more.
    """

    def __init__(self, database: Database, cache: MessageCache) -> None:
        self._database = database
        self._cache = cache
        self._tasks: dict[str, asyncio.Task[Deletion]] = {}

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
        deleting = self._delete(thread_id, work)
        # It outlives its caller, so it gets nothing of the caller's context.
        loop = asyncio.get_running_loop()
        task = loop.create_task(deleting, name="delete messages", context=Context())
        self._tasks[thread_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(thread_id))
        return await asyncio.shield(task)

    async def _delete(self, thread_id: str, work: Work[Deletion]) -> Deletion:
        deleted = await self._database.write(work)
        if deleted.numbers is None or deleted.numbers:
            self._cache.evict(thread_id, deleted.numbers)
        return deleted
