"""A LangGraph saver for many processes, for long threads, and safe from writers that come too late.

Departs from LangGraph's AsyncPostgresSaver in these points:

1. "newest" is what was written last, not what has the highest id: ids come from the clocks of machines;
2. what an attempt writes is written only while its run's row is running that attempt;
3. lists of messages are stored by packing.py, each message once a thread;
4. a pending write keeps the run that made it and doesn't replace another's, so that it can be rolled back;
5. it has no lock: any number of runs read and write at once;
6. a write is waited for only where a node would run before it is stored (behind.py).

So the tables are its own; another saver can't read them.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from copy import copy
from typing import Any, Final, Literal

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

from seltzer.runs.execution.fence import FENCE, Fence
from seltzer.stores.checkpoints.channels import pack_checkpoint, pack_write
from seltzer.stores.checkpoints.durability import Triggers, is_input_write, must_wait_for, run_id_of
from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.checkpoints.metadata import dump_metadata
from seltzer.stores.checkpoints.progress import CheckpointCounts
from seltzer.stores.checkpoints.retention import ROOT, described, is_lasting
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.sync_half import SyncHalf
from seltzer.stores.options import ClassName
from seltzer.stores.postgres.checkpoints import statements
from seltzer.stores.postgres.checkpoints.behind import Behind, Row, Writer
from seltzer.stores.postgres.checkpoints.reader import CheckpointReader
from seltzer.stores.postgres.database import Connection, Database

WRITTEN_LIMIT: Final = 64  # messages; a node that writes more passes on a state that it was given


class PostgresSaver(SyncHalf):
    """A saver to a database that has the tables, for one event loop.

    triggers: the channels that make its graph's nodes run, where its state is declared.
    """

    serde: SafeSerializer
    triggers: Triggers = None

    def __init__(
        self, database: Database, cache: MessageCache, serde: SafeSerializer, behind: Behind
    ) -> None:
        super().__init__(serde=serde)
        self.counts = CheckpointCounts()
        self.behind = behind
        self.reader = CheckpointReader(database, cache, behind)
        self._cache = cache
        self._serializers: dict[frozenset[ClassName], SafeSerializer] = {}
        self._database = database

    def for_graph(self, classes: Iterable[ClassName], triggers: Triggers) -> "PostgresSaver":
        """Return a saver that also revives these classes, for a graph whose nodes these channels trigger.

        Savers for the same classes share their cached messages: a factory may make a graph for each run.
        """
        saver, key = copy(self), frozenset(classes)
        if key not in self._serializers:
            self._serializers[key] = self.serde.allowing(key)
        saver.serde = self._serializers[key]
        saver.triggers = triggers
        return saver

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        configurable, checkpoint_id = config["configurable"], get_checkpoint_id(config)
        thread_id, namespace = str(configurable["thread_id"]), configurable.get("checkpoint_ns", ROOT)
        fence: Fence | None = configurable.get(FENCE)
        if fence is not None and fence.is_thread_new:
            if self._cache.lists(self.serde, thread_id):  # of another thread, which had the id before
                self._cache.evict(thread_id)
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
        await self.behind.flush_all()
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
        parent_id = configurable.get("checkpoint_id")
        columns = {
            "checkpoint_ns": namespace,
            "checkpoint_id": checkpoint["id"],
            "parent_id": parent_id,
            "source": source,
            "run_id": run_id,
            "has_delta": has_delta,
            "metadata": dump_metadata(about).decode(),
        }
        row = Row(_checked_writer(config), "state", (namespace, checkpoint["id"]), columns, packed)
        if namespace == ROOT:
            self.counts.add(thread_id, is_first=parent_id is None)
        elif is_lasting(namespace) and FENCE in configurable:
            configurable[FENCE].has_lasting = True
        if must_wait_for(config, checkpoint, metadata, self.triggers):
            await self.behind.write(thread_id, [row])
        else:
            self.behind.check(row.writer)
            self.behind.post(thread_id, [row])
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
        writer, run_id = _checked_writer(config), run_id_of(config)
        table: Literal["note", "result"] = (
            "note" if all(channel in WRITES_IDX_MAP for channel, _ in writes) else "result"
        )
        place = str(configurable["checkpoint_ns"]), str(configurable["checkpoint_id"]), task_id
        rows = []
        for at, (channel, value) in enumerate(writes):
            idx = WRITES_IDX_MAP.get(channel, at)
            columns = {
                "checkpoint_ns": place[0],
                "checkpoint_id": place[1],
                "task_id": task_id,
                "task_path": task_path,
                "idx": idx,
                "channel": channel,
                "run_id": run_id,
            }
            packed = pack_write(self.serde, channel, value, cached)
            rows.append(Row(writer, table, (*place, idx, run_id), columns, packed))
        if run_id and writer.run_id:
            is_input_write(config, task_path)
            self.behind.check(writer)
            self.behind.post(thread_id, rows)
        else:
            await self.behind.write(thread_id, rows)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete all of the thread. Raises StorageFailed."""

        async def work(connection: Connection) -> None:
            for statement in statements.DELETE_THREAD:
                await connection.execute(statement.encode(), {"thread_id": str(thread_id)})

        await self.behind.flush(str(thread_id))
        await self._database.transact(work)
        self._cache.evict(str(thread_id))


def _checked_writer(config: RunnableConfig) -> Writer:
    """Return whose write it is. Raises LeaseLost if its fence was revoked. The thread isn't new any more."""
    fence: Fence | None = config["configurable"].get(FENCE)
    if fence is None:
        return Writer()
    fence.check()
    fence.is_thread_new = False
    return Writer(fence.run_id, fence.attempt)


def _possible_messages(value: Any) -> list[Any]:
    """Return what may be messages that a node wrote, unless there are so many that it passes a state on."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values if len(values) <= WRITTEN_LIMIT else []
