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

from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_metadata,
)

from seltzer.stores.checkpoints.channels import pack_checkpoint, pack_write
from seltzer.stores.checkpoints.durability import is_input_write, must_wait_for, run_id_of
from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.checkpoints.message_saver import MessageSaver, check_fence, place_of, possible_messages
from seltzer.stores.checkpoints.metadata import dump_metadata
from seltzer.stores.checkpoints.retention import described
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.postgres.checkpoints import statements
from seltzer.stores.postgres.checkpoints.behind import Behind, Row, Writer
from seltzer.stores.postgres.checkpoints.reader import CheckpointReader
from seltzer.stores.postgres.connections.database import Database
from seltzer.stores.postgres.erasure import erase_states


class PostgresSaver(MessageSaver):
    """A saver to a database that has the tables."""

    def __init__(
        self, database: Database, cache: MessageCache, serde: SafeSerializer, behind: Behind
    ) -> None:
        super().__init__(cache, serde)
        self.behind = behind
        self.reader = CheckpointReader(database, cache, behind)
        self._database = database

    async def load(self, thread_id: str, namespace: str, checkpoint_id: str | None) -> CheckpointTuple | None:
        if checkpoint_id:
            return await self.reader.load(self.serde, statements.BY_ID, thread_id, namespace, checkpoint_id)
        return await self.reader.load(self.serde, statements.NEWEST, thread_id, namespace)

    async def places(
        self,
        config: RunnableConfig | None,
        filter: dict[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Sequence[tuple[str, str, str]]:
        if config is None:
            await self.behind.flush_all()
        else:
            await self.behind.flush(str(config["configurable"]["thread_id"]))
        rows = await self.reader.read_rows(*statements.listing(config, filter, before, limit))
        return [(row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"]) for row in rows]

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
        columns = {
            "checkpoint_ns": namespace,
            "checkpoint_id": checkpoint["id"],
            "parent_id": configurable.get("checkpoint_id"),
            "source": source,
            "run_id": run_id,
            "has_delta": has_delta,
            "metadata": dump_metadata(about).decode(),
        }
        row = Row(_writer(config), "state", (namespace, checkpoint["id"]), columns, packed)
        self.note_put(config)
        if must_wait_for(config, checkpoint, metadata, self.triggers):
            await self.behind.write(thread_id, [row])
        else:
            self.behind.check(row.writer)
            self.behind.post(thread_id, [row])
        return place_of(config, checkpoint["id"])

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
                each.invalidate(possible_messages(value))
        writer, run_id = _writer(config), run_id_of(config)
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
        await self.behind.flush(str(thread_id))
        await erase_states(self._database, str(thread_id))
        self._cache.evict(str(thread_id))


def _writer(config: RunnableConfig) -> Writer:
    """Return whose write it is. Raises LeaseLost if its fence was revoked."""
    fence = check_fence(config)
    return Writer() if fence is None else Writer(fence.run_id, fence.attempt)
