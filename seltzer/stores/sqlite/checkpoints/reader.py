"""Reads a checkpoint with the writes on it: messages that are cached are neither read nor decoded again."""

import sqlite3
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.base import SerializerProtocol

from seltzer.errors import StorageFailed
from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.checkpoints.partial_lists import PartialList, decode
from seltzer.stores.checkpoints.rows import BLOB, KIND, LISTS, in_order, to_tuple
from seltzer.stores.checkpoints.spans import loads
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.checkpoints.deletions import MessageDeletions
from seltzer.stores.sqlite.checkpoints.messages import fetch
from seltzer.stores.sqlite.database import Database


class CheckpointReader:
    """Reads from a file that has the tables. Its results are shared with the cache that it fills."""

    def __init__(self, database: Database, cache: MessageCache, deletions: MessageDeletions) -> None:
        self._database = database
        self._cache = cache
        self._deletions = deletions

    async def read_rows(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        """Return the rows that the statement selects, after all that was posted is written."""

        def work(connection: sqlite3.Connection) -> list[Any]:
            return connection.execute(statement, parameters).fetchall()

        return await self._database.read(work, after_posts=True)

    async def load(
        self, serde: SerializerProtocol, which: str, thread_id: str, *others: str
    ) -> CheckpointTuple | None:
        """Return the checkpoint that meets the condition, with its writes; None if there is none.

        others: the condition's parameters besides the thread. Raises StorageFailed.
        """
        while True:
            await self._deletions.wait_idle(thread_id)
            epoch = self._cache.epoch
            rows = await self.read_rows(statements.LOAD % which, (thread_id, *others))
            if not rows:
                return None
            head, *writes = sorted(rows, key=itemgetter(0))
            writes = in_order(writes)
            paths = [loads(row[LISTS]) for row in (head, *writes)]
            packed = [spans for lists in paths for spans in lists.values()]
            before = self._cache.lists(serde, thread_id)
            lists = [PartialList(spans, *self._cache.look_up(serde, thread_id, spans)) for spans in packed]
            is_whole = await self._fetch(thread_id, lists)
            if epoch != self._cache.epoch or self._deletions.is_running(thread_id):
                continue  # numbers of messages that were deleted may be those of others by now
            if not is_whole:
                raise StorageFailed(f"messages of thread {thread_id!r} are missing in the file")
            break
        values = [serde.loads_typed((row[KIND], row[BLOB])) for row in (head, *writes)]
        await decode(serde, lists)
        for each in lists:
            # Not if the thread was evicted meanwhile: its messages, cached before, would count for nothing.
            is_same = not before or self._cache.lists(serde, thread_id) is before
            if epoch == self._cache.epoch and is_same:
                self._cache.add(serde, thread_id, each.spans, each.messages, each.size_bytes)
        return to_tuple(head, writes, zip(values, paths, strict=True), lists)

    async def _fetch(self, thread_id: str, lists: Sequence[PartialList]) -> bool:
        """Read the stored form of what is missing in the lists. False: some of it isn't there any more."""
        numbers = {number for each in lists for number in each.missing}
        if not numbers:
            return True
        stored = await self._database.read(lambda connection: fetch(connection, thread_id, numbers))
        for each in lists:
            each.stored = stored
        return len(stored) == len(numbers)
