"""A LangGraph saver for many processes, for long threads, and safe from writers that come too late.

Departs from LangGraph's AsyncPostgresSaver in these points:

1. "newest" is what was written last, not what has the highest id: ids come from the clocks of machines;
2. what an attempt writes is written only while its run's row is running that attempt;
3. lists of messages are stored by packing.py, each message once a thread;
4. a pending write keeps the run that made it and doesn't replace another's, so that it can be rolled back;
5. it has no lock: any number of runs read and write at once, each verb by a statement of its own or two.

So the tables are its own; another saver can't read them.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)

from seltzer.runs.execution.fence import FENCE, Fence, LeaseLost
from seltzer.runs.jsonable import dumps
from seltzer.stores.checkpoints.channels import pack_checkpoint, pack_write
from seltzer.stores.checkpoints.durability import Triggers, run_id_of
from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.checkpoints.packing import Packed
from seltzer.stores.checkpoints.partial_lists import StoredLists, stored_lists
from seltzer.stores.checkpoints.progress import CheckpointCounts
from seltzer.stores.checkpoints.retention import ROOT, described, is_lasting
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.sync_half import SyncHalf
from seltzer.stores.options import ClassName
from seltzer.stores.postgres.checkpoints import statements
from seltzer.stores.postgres.checkpoints.messages import Numbers, lock, store
from seltzer.stores.postgres.checkpoints.reader import CheckpointReader
from seltzer.stores.postgres.database import Connection, Database
from seltzer.stores.postgres.event_log import APPEND_PATIENCE_S
from seltzer.stores.postgres.queries import fetch_one

WRITTEN_LIMIT: Final = 64  # messages; a node that writes more passes on a state that it was given


class PostgresSaver(SyncHalf):
    """A saver to a database that has the tables, for one event loop."""

    serde: SafeSerializer

    def __init__(self, database: Database, cache: MessageCache, serde: SafeSerializer) -> None:
        super().__init__(serde=serde)
        self.counts = CheckpointCounts()
        self.reader = CheckpointReader(database, cache)
        self._cache = cache
        self._serializers: dict[frozenset[ClassName], SafeSerializer] = {}
        self._database = database

    def for_graph(self, classes: Iterable[ClassName], triggers: Triggers = None) -> "PostgresSaver":
        """Return a saver that also revives these classes.

        Savers for the same classes share their cached messages: a factory may make a graph for each run.
        """
        saver, key = copy(self), frozenset(classes)
        if key not in self._serializers:
            self._serializers[key] = self.serde.allowing(key)
        saver.serde = self._serializers[key]
        return saver

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        configurable, checkpoint_id = config["configurable"], get_checkpoint_id(config)
        thread_id, namespace = str(configurable["thread_id"]), configurable.get("checkpoint_ns", ROOT)
        fence: Fence | None = configurable.get(FENCE)
        if fence is not None and fence.is_thread_new:
            return None
        if fence is not None and (place := (namespace, checkpoint_id)) in fence.ahead:
            ahead = fence.ahead.pop(place)
            return ahead._replace(config=config) if ahead and checkpoint_id else ahead
        if checkpoint_id:
            found = await self.reader.load(self.serde, statements.BY_ID, thread_id, namespace, checkpoint_id)
            return found and found._replace(config=config)
        return await self.reader.load(self.serde, statements.NEWEST, thread_id, namespace)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield the checkpoints, the one written last first.

        before: only those written before that one, of whatever namespace; if it isn't kept any more, before
        those whose ids have a later time. Others are listed in place of those that are deleted meanwhile.
        """
        while True:
            rows = await self.reader.read_rows(*statements.listing(config, filter, before, limit))
            gone = 0
            for row in rows:
                place = row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"]
                found = await self.reader.load(self.serde, statements.BY_ID, *place)
                if found is not None:
                    yield found
                gone += found is None
            if limit is None or not gone:
                return
            limit, before = gone, {"configurable": {"checkpoint_id": rows[-1]["checkpoint_id"]}}

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store the checkpoint as the newest one; one that is stored already keeps its place.

        Raises LeaseLost, StateNotStorable, StorageFailed.
        """
        configurable = config["configurable"]
        thread_id, namespace = str(configurable["thread_id"]), configurable["checkpoint_ns"]
        about = get_checkpoint_metadata(config, metadata)
        packed = pack_checkpoint(self.serde, checkpoint, tuple(self._cache.lists(self.serde, thread_id)))
        source, run_id, has_delta = described(about)
        given = {
            "thread_id": thread_id,
            "checkpoint_ns": namespace,
            "checkpoint_id": checkpoint["id"],
            "parent_id": configurable.get("checkpoint_id"),
            "source": source,
            "run_id": run_id,
            "has_delta": has_delta,
            "metadata": dumps(about).decode(),
            "type": packed.kind,
            "blob": packed.blob,
        }

        def with_lists(lists: Sequence[StoredLists]) -> Mapping[str, Any]:
            return given | {"lists": lists[0].lists, "top": lists[0].top}

        plain, fenced = statements.PUT, statements.PUT_FENCED
        await self._write(config, plain, fenced, [packed], with_lists)
        if namespace == ROOT:
            self.counts.add(thread_id, is_first=given["parent_id"] is None)
        elif is_lasting(namespace) and FENCE in configurable:
            configurable[FENCE].has_lasting = True
        place = {"thread_id": configurable["thread_id"], "checkpoint_ns": namespace}
        return {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote. Raises LeaseLost, StateNotStorable, StorageFailed."""
        if not writes:
            return
        configurable = config["configurable"]
        thread_id = str(configurable["thread_id"])
        cached = tuple(self._cache.lists(self.serde, thread_id))
        for each in cached:
            for _, value in writes:
                each.invalidate(_possible_messages(value))
        packed = [pack_write(self.serde, channel, value, cached) for channel, value in writes]
        given = {
            "thread_id": thread_id,
            "checkpoint_ns": str(configurable["checkpoint_ns"]),
            "checkpoint_id": str(configurable["checkpoint_id"]),
            "task_id": task_id,
            "task_path": task_path,
            "run_id": run_id_of(config),
            "idxs": [WRITES_IDX_MAP.get(channel, idx) for idx, (channel, _) in enumerate(writes)],
            "channels": [channel for channel, _ in writes],
            "types": [each.kind for each in packed],
            "blobs": [each.blob for each in packed],
        }

        def with_lists(lists: Sequence[StoredLists]) -> Mapping[str, Any]:
            return given | {"lists": [each.lists for each in lists], "tops": [each.top for each in lists]}

        is_special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        plain = statements.PUT_SPECIAL if is_special else statements.PUT_PLAIN
        fenced = statements.PUT_SPECIAL_FENCED if is_special else statements.PUT_PLAIN_FENCED
        await self._write(config, plain, fenced, packed, with_lists)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete all of the thread. Raises StorageFailed."""

        async def work(connection: Connection) -> None:
            for statement in statements.DELETE_THREAD:
                await connection.execute(statement.encode(), {"thread_id": str(thread_id)})

        await self._database.transact(work)
        self._cache.evict(str(thread_id))

    async def _write(
        self,
        config: RunnableConfig,
        plain: str,
        fenced: str,
        packed: Sequence[Packed],
        with_lists: Callable[[Sequence[StoredLists]], Mapping[str, Any]],
    ) -> None:
        """Store the values' messages, then the rows that refer to them, by the statement for this writer."""
        fence: Fence | None = config["configurable"].get(FENCE)
        of_fence: dict[str, Any] = {}
        if fence is not None:
            fence.check()
            fence.is_thread_new = False
            of_fence = {"fence_run": fence.run_id, "fence_attempt": fence.attempt}
        statement = fenced if fence is not None and fence.run_id else plain
        thread_id = str(config["configurable"]["thread_id"])
        while True:
            numbers = await store(self._database, thread_id, packed)
            given = {**with_lists([stored_lists(each, numbers.by_digest) for each in packed]), **of_fence}
            written = await self._execute(thread_id, statement, given, numbers)
            if written is not None:
                break
        if not written:
            raise LeaseLost

    async def _execute(
        self, thread_id: str, statement: str, given: Mapping[str, Any], numbers: Numbers
    ) -> bool | None:
        """Execute the statement; False: it has written nothing; None: a message was deleted meanwhile."""

        async def work(connection: Connection) -> bool | None:
            if numbers.doubtful and not await lock(connection, thread_id, numbers):
                return None
            return await fetch_one(connection, statement, given) is not None

        do = self._database.transact if numbers.doubtful else self._database.execute
        return await do(work, patience_s=APPEND_PATIENCE_S)


def _possible_messages(value: Any) -> list[Any]:
    """Return what may be messages that a node wrote, unless there are so many that it passes a state on."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values if len(values) <= WRITTEN_LIMIT else []
