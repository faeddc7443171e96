"""Deletions of a thread's stored messages, which no writer may rely on meanwhile."""

import asyncio
import sqlite3
from collections.abc import Collection
from contextvars import Context
from typing import NamedTuple

from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.transactions import Work


class Deletion(NamedTuple):
    """What was deleted. refs: of the thread's messages; None means all. was_found: there was something."""

    refs: Collection[bytes] | None = None
    was_found: bool = True


class MessageDeletions:
    """The deletions under way, one a thread at a time. For use in the event loop alone.

    The file's writer does its work in order: a deletion sees what was written before it, and whoever comes
    later waits for its end, when the deleted messages aren't cached any more.
    """

    def __init__(self, database: Database, cache: MessageCache) -> None:
        self._database = database
        self._cache = cache
        self._tasks: dict[str, asyncio.Task[bool]] = {}

    def is_running(self, thread_id: str) -> bool:
        """Return whether something of the thread is being deleted."""
        return thread_id in self._tasks

    async def wait_idle(self, thread_id: str) -> None:
        """Wait until nothing of the thread is being deleted, which holds until the caller waits again."""
        while task := self._tasks.get(thread_id):
            await asyncio.wait([task])

    async def run(self, thread_id: str, work: Work[Deletion]) -> bool:
        """Do the work, and return whether it has found what there was to delete.

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

    async def _delete(self, thread_id: str, work: Work[Deletion]) -> bool:
        refs, was_found = await self._database.write(work)
        if refs is None or refs:
            self._cache.evict(thread_id, refs)
        return was_found


def delete_thread(connection: sqlite3.Connection, thread_id: str) -> None:
    """Delete all of the thread's checkpoints, the writes on them and their messages."""
    for statement in statements.DELETE_THREAD:
        connection.execute(statement, (thread_id,))
