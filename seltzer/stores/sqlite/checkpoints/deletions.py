"""Dropping stored messages of a thread, which nobody may take for stored meanwhile."""

import asyncio
from collections.abc import Collection

from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.sqlite.connection import Work
from seltzer.stores.sqlite.database import Database


class MessageDeletions:
    """What goes on of that, a thread at a time. Used in the event loop alone.

    The file's writer takes things in turn: what was asked before a drop is there for it to see, and whoever
    comes later waits for its end, when what has gone isn't known any more.
    """

    def __init__(self, database: Database, known: MessageCache) -> None:
        self._database = database
        self._known = known
        self._going_on: dict[str, asyncio.Task[None]] = {}

    def goes_on(self, thread_id: str) -> bool:
        return thread_id in self._going_on

    async def settled(self, thread_id: str) -> None:
        """Wait until nothing is being dropped of the thread, which is so until the caller waits again."""
        while task := self._going_on.get(thread_id):
            await asyncio.wait([task])

    async def do(self, thread_id: str, work: Work[Collection[bytes] | None]) -> None:
        """Do the work, which drops the messages that it returns; None means all of the thread's.

        Once begun, it is done though its caller is cancelled. Raises as Database.write does.
        """
        await self.settled(thread_id)
        task = asyncio.create_task(self._do(thread_id, work), name="drop messages")
        self._going_on[thread_id] = task
        task.add_done_callback(lambda _: self._going_on.pop(thread_id))
        await asyncio.shield(task)

    async def _do(self, thread_id: str, work: Work[Collection[bytes] | None]) -> None:
        gone = await self._database.write(work)
        if gone is None or gone:
            self._known.forget(thread_id, gone)
