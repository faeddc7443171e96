"""Reads a checkpoint with the writes on it: messages that are cached are neither read nor decoded again."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.base import SerializerProtocol

from seltzer.errors import StorageFailed
from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.checkpoints.partial_lists import PartialList, decode
from seltzer.stores.checkpoints.rows import BLOB, KIND, LISTS, in_order, to_tuple
from seltzer.stores.checkpoints.spans import loads
from seltzer.stores.postgres.checkpoints import statements
from seltzer.stores.postgres.checkpoints.behind import Behind
from seltzer.stores.postgres.checkpoints.messages import fetch
from seltzer.stores.postgres.connections.database import Database
from seltzer.stores.postgres.connections.queries import Row, fetch_all

TRIES: Final = 3  # a checkpoint may be deleted between its own reading and that of its messages


class CheckpointReader:
    """Reads from the database, after what waits was written. Its results are shared with the cache."""

    def __init__(self, database: Database, cache: MessageCache, behind: Behind) -> None:
        self._database = database
        self._cache = cache
        self._behind = behind

    async def read_rows(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
        """Return the rows that the statement selects. Raises StorageFailed."""
        return await self._database.execute(lambda connection: fetch_all(connection, statement, parameters))

    async def load(
        self, serde: SerializerProtocol, which: str, thread_id: str, *others: str
    ) -> CheckpointTuple | None:
        """Return the checkpoint that meets the condition, with its writes; None if there is none.

        others: the condition's parameters besides the thread. Raises StorageFailed.
        """
        await self._behind.flush(thread_id)
        for _ in range(TRIES):
            rows = await self.read_rows(statements.LOAD.format(which=which), (thread_id, *others))
            if not rows:
                return None
            self._cache.validate(thread_id, max(rows, key=_is_head)["epoch"])
            epoch = self._cache.epoch
            head, *writes = sorted(map(_columns, rows), key=_seq)
            writes = in_order(writes)
            paths = [loads(row[LISTS]) for row in (head, *writes)]
            packed = [spans for lists in paths for spans in lists.values()]
            lists = [PartialList(spans, *self._cache.look_up(serde, thread_id, spans)) for spans in packed]
            if not await self._fetch(thread_id, lists):
                continue
            values = [serde.loads_typed((row[KIND], row[BLOB])) for row in (head, *writes)]
            await decode(serde, lists)
            for each in lists if self._cache.epoch == epoch else ():  # else some may have been deleted
                self._cache.add(serde, thread_id, each.spans, each.messages, each.size_bytes)
            return to_tuple(head, writes, zip(values, paths, strict=True), lists)
        raise StorageFailed(f"messages of thread {thread_id!r} are missing in the database")

    async def _fetch(self, thread_id: str, lists: Sequence[PartialList]) -> bool:
        """Read the stored form of what is missing in the lists. False: some of it isn't there any more."""
        numbers = {number for each in lists for number in each.missing}
        if not numbers:
            return True
        stored = await self._database.execute(lambda connection: fetch(connection, thread_id, numbers))
        for each in lists:
            each.stored = stored
        return len(stored) == len(numbers)


def _columns(row: Row) -> tuple[Any, ...]:
    """Return the columns as in_order() and to_tuple() have them: a write has its index, not metadata."""
    *columns, metadata, lists, idx, _ = row.values()
    return (*columns, idx if row["seq"] else metadata, lists)


def _is_head(row: Row) -> bool:
    return not row["seq"]


def _seq(columns: tuple[Any, ...]) -> int:
    seq: int = columns[0]
    return seq
