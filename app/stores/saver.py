"""LangGraph's AsyncSqliteSaver, made fit for long threads, shifting clocks and late writers.

Departs from it in these points:

1. "newest" is what was written last, not what has the highest id: ids come from the clock;
2. a write whose execution was let go (app/runs/hold.py) is refused;
3. lists of messages are stored by packing.py, each message once a thread;
4. a pending write keeps the run that made it and doesn't replace another's, so that it can be rolled back;
5. a statement is a transaction and one hop to the connection's thread: a write that is cancelled leaves no
   transaction open. No lock is held between the rows of a listing.

So the tables are its own (migrations/0002_checkpoints.sql), though they are called as LangGraph's; another
saver can't read them.
"""

import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Any, Final, cast

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.checkpoint.sqlite.utils import search_where

from app.errors import StorageFailed
from app.runs.hold import HOLD
from app.stores import checkpoint_tables as tables
from app.stores.known import KnownMessages
from app.stores.message_rows import Recalled, batches, decode, fetch, flat, put, row_marks
from app.stores.packing import Packed, Path, pack, put_back, unpack
from app.stores.serializer import SafeSerializer

log = logging.getLogger(__name__)

WRITTEN_LIMIT: Final = 64  # messages; a node that writes more gives a state on that it was given


class Saver(AsyncSqliteSaver):
    """A saver on a connection in autocommit mode that nobody else uses, to a file that has the tables."""

    def __init__(self, connection: aiosqlite.Connection, known: KnownMessages) -> None:
        super().__init__(connection, serde=SafeSerializer())
        self.known = known
        self.is_setup = True  # else LangGraph's setup() would make tables of its own

    async def sql(self, statement: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Carry out the statement and return its rows. Raises StorageFailed. Hold the lock to write."""
        try:
            return list(
                cast("Iterable[tuple[Any, ...]]", await self.conn.execute_fetchall(statement, parameters))
            )
        except sqlite3.Error as error:
            log.exception("the database failed")
            raise StorageFailed(
                "the threads' states can't be read or written now; try again later (its log says why)"
            ) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Have the statements within done together, or none of them."""
        async with self.lock:
            try:
                await self.sql("BEGIN IMMEDIATE")
                yield
                await self.sql("COMMIT")
            except BaseException:
                await self.conn.rollback()  # behind what was asked before, done or not
                raise

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        configurable = config["configurable"]
        place = str(configurable["thread_id"]), configurable.get("checkpoint_ns", "")
        if checkpoint_id := get_checkpoint_id(config):
            found = await self._load(tables.BY_ID, (*place, checkpoint_id))
            return found and found._replace(config=config)
        return await self._load(tables.NEWEST, place)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield the checkpoints, the one written last first.

        before: only those written before that one, of whatever namespace; none, if it isn't kept any more.
        """
        where, parameters = search_where(config, filter)
        conditions, values = [where.removeprefix("WHERE ")] if where else [], list(parameters)
        if before is not None:
            conditions.append(tables.BEFORE)
            values.append(get_checkpoint_id(before))
        statement = "SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints"
        if conditions:
            statement += f" WHERE {' AND '.join(conditions)}"
        rows = await self.sql(
            f"{statement} ORDER BY seq DESC LIMIT ?", (*values, -1 if limit is None else limit)
        )
        for place in rows:
            found = await self._load(tables.BY_ID, place)
            if found is not None:
                yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store the checkpoint as the newest one; one that is stored already keeps its place.

        Raises LeaseLost, StorageFailed.
        """
        configurable = config["configurable"]
        thread_id, namespace = str(configurable["thread_id"]), configurable["checkpoint_ns"]
        about = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False)
        (packed,) = self._pack(thread_id, [checkpoint])
        async with self.lock:
            if packed.is_void:
                (packed,) = self._pack(thread_id, [checkpoint])
            _check_hold(config)
            await put(self.sql, thread_id, packed.new.values())
            await self.sql(
                tables.PUT,
                (
                    thread_id,
                    namespace,
                    checkpoint["id"],
                    configurable.get("checkpoint_id"),
                    about.encode("utf-8", "ignore"),
                    packed.kind,
                    packed.blob,
                ),
            )
        return {
            "configurable": {
                "thread_id": configurable["thread_id"],
                "checkpoint_ns": namespace,
                "checkpoint_id": checkpoint["id"],
            }
        }

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote. Raises LeaseLost, StorageFailed."""
        configurable = config["configurable"]
        thread_id = str(configurable["thread_id"])
        place = thread_id, str(configurable["checkpoint_ns"]), str(configurable["checkpoint_id"])
        run_id = str((config.get("metadata") or {}).get("run_id", ""))
        values = [value for _, value in writes]
        for known in self.known.lists(self.serde, thread_id):
            for value in values:
                known.doubt(_written(value))
        packed = self._pack(thread_id, values)
        statement = (
            tables.PUT_SPECIAL
            if all(channel in WRITES_IDX_MAP for channel, _ in writes)
            else tables.PUT_PLAIN
        )
        async with self.lock:
            if any(each.is_void for each in packed):
                packed = self._pack(thread_id, values)
            _check_hold(config)
            await put(self.sql, thread_id, [new for each in packed for new in each.new.values()])
            rows = [
                (*place, task_id, task_path, WRITES_IDX_MAP.get(channel, idx), channel, kind, blob, run_id)
                for idx, ((channel, _), (kind, blob, *_)) in enumerate(zip(writes, packed, strict=True))
            ]
            for some in batches(rows):
                await self.sql(statement % row_marks(some), flat(some))

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget all of the thread. Raises StorageFailed."""
        async with self.transaction():
            self.known.forget(str(thread_id))
            for table in ("checkpoints", "writes", "checkpoint_messages"):
                await self.sql(f"DELETE FROM {table} WHERE thread_id = ?", (str(thread_id),))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Walk the checkpoints one by one: AsyncSqliteSaver's short cut reads the rows themselves."""
        return await BaseCheckpointSaver.aget_delta_channel_history(self, config=config, channels=channels)

    async def _load(self, which: str, parameters: Sequence[Any]) -> CheckpointTuple | None:
        async with self.lock:  # so that nobody prunes what the rows refer to
            rows = await self.sql(tables.LOAD % which, parameters)
            if not rows:
                return None
            head, *others = sorted(rows, key=itemgetter(0))
            _, thread_id, namespace, _, _, checkpoint_id, parent_id, about = head
            writes = _by_rank(others)
            values = [unpack(self.serde, kind, blob) for _, _, _, kind, blob, *_ in (head, *writes)]
            lists = [refs for _, lists in values for refs in lists.values()]
            before = self.known.lists(self.serde, thread_id)
            recalled = [Recalled(each, *self.known.recall(self.serde, thread_id, each)) for each in lists]
            await fetch(self.sql, thread_id, recalled)
            epoch = self.known.epoch
        await decode(self.serde, recalled)
        for each in recalled:
            # not if the thread has gone since: its messages, known before, would count for nothing
            is_same = not before or self.known.lists(self.serde, thread_id) is before
            if epoch == self.known.epoch and is_same:
                self.known.remember(self.serde, thread_id, each.refs, each.messages, each.size_bytes)
        found = iter(recalled)
        checkpoint, *written = [_filled(value, lists, found) for value, lists in values]
        place = {"thread_id": thread_id, "checkpoint_ns": namespace}
        return CheckpointTuple(
            {"configurable": {**place, "checkpoint_id": checkpoint_id}},
            cast("Checkpoint", checkpoint),
            cast("CheckpointMetadata", {} if about is None else json.loads(about)),
            {"configurable": {**place, "checkpoint_id": parent_id}} if parent_id else None,
            [(row[1], row[5], value) for row, value in zip(writes, written, strict=True)],
        )

    def _pack(self, thread_id: str, values: Sequence[Any]) -> list[Packed]:
        known = self.known.lists(self.serde, thread_id)
        return [pack(self.serde, value, tuple(known)) for value in values]


def _check_hold(config: RunnableConfig) -> None:
    """Raise LeaseLost if the execution that writes was let go."""
    hold = config["configurable"].get(HOLD)
    if hold is not None:
        hold.check()


def _filled(value: Any, lists: Mapping[Path, bytes], found: Iterator[Recalled]) -> Any:
    """Return the value with its lists, the next ones found, where they belong."""
    for path in lists:
        value = put_back(value, path, next(found).messages)
    return value


def _written(value: Any) -> list[Any]:
    """Return what may be messages that a node wrote, unless there are so many that it gives a state on."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values if len(values) <= WRITTEN_LIMIT else []


def _by_rank(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Choose a task's writes and order them as LangGraph does.

    Of several runs' writes to one index the first stands, but for LangGraph's special ones the last.
    """
    chosen: dict[tuple[str, int], tuple[Any, ...]] = {}
    for row in rows:  # oldest first
        task_id, idx = row[1], row[7]
        if idx < 0 or (task_id, idx) not in chosen:
            chosen[task_id, idx] = row
    return sorted(chosen.values(), key=lambda row: writes_sort_key(row[2], row[1], row[7]))
