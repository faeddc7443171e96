"""A LangGraph saver for long threads, for clocks that step back, and safe from writers that come too late.

Departs from LangGraph's AsyncSqliteSaver in these points:

1. "newest" is what was written last, not what has the highest id: ids come from the clock;
2. a write whose fence was revoked (seltzer/runs/execution/fence.py) is refused;
3. lists of messages are stored by packing.py, each message once a thread;
4. a pending write keeps the run that made it and doesn't replace another's, so that it can be rolled back;
5. it shares the server's Database: each of its verbs is one transaction and one hop to a thread, or two hops
   where messages are read that aren't cached. No lock is held between the rows of a listing;
6. a write is waited for only where a node would run before it is stored (durability.py decides which), and
   nothing is looked up for a new thread.

So the tables are its own (migrations/0002_checkpoints.sql), though they are named like LangGraph's; another
saver can't read them.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_metadata,
)

from seltzer.runs.execution.fence import FENCE, Fence, LeaseLost
from seltzer.stores.checkpoints.channels import pack_checkpoint, pack_write
from seltzer.stores.checkpoints.durability import is_input_write, must_wait_for, run_id_of
from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.checkpoints.message_saver import MessageSaver, check_fence, place_of, possible_messages
from seltzer.stores.checkpoints.metadata import dump_metadata
from seltzer.stores.checkpoints.retention import described
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.checkpoints.deletions import Deletion, MessageDeletions
from seltzer.stores.sqlite.checkpoints.messages import put
from seltzer.stores.sqlite.checkpoints.reader import CheckpointReader
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql import erasure
from seltzer.stores.sqlite.sql.bulk import insert
from seltzer.stores.sqlite.sql.runs import is_running
from seltzer.stores.sqlite.transactions import Work


class SqliteSaver(MessageSaver):
    """A saver to a file that has the tables."""

    def __init__(self, database: Database, cache: MessageCache, serde: SafeSerializer) -> None:
        super().__init__(cache, serde)
        self.deletions = MessageDeletions(database, cache, self.counts)
        self._database = database
        self._reader = CheckpointReader(database, cache, self.deletions)

    async def read_rows(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        """Return the rows that the statement selects of the thread that is its first parameter."""
        await self.deletions.wait_idle(str(parameters[0]))
        return await self._reader.read_rows(statement, parameters)

    async def load(self, thread_id: str, namespace: str, checkpoint_id: str | None) -> CheckpointTuple | None:
        if checkpoint_id:
            return await self._reader.load(self.serde, statements.BY_ID, thread_id, namespace, checkpoint_id)
        return await self._reader.load(self.serde, statements.NEWEST, thread_id, namespace)

    async def places(
        self,
        config: RunnableConfig | None,
        filter: dict[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Sequence[tuple[str, str, str]]:
        rows = await self._reader.read_rows(*statements.listing(config, filter, before, limit))
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
        await self.deletions.wait_idle(thread_id)
        # From here to the write nothing is awaited: a cached message may be deleted as soon as something is.
        packed = pack_checkpoint(self.serde, checkpoint, tuple(self._cache.lists(self.serde, thread_id)))
        place = thread_id, namespace, checkpoint["id"], configurable.get("checkpoint_id")
        row = *place, *described(about), dump_metadata(about), packed.kind, packed.blob

        def work(connection: sqlite3.Connection) -> None:
            (lists,) = put(connection, thread_id, [packed])
            connection.execute(statements.PUT, (*row, *lists))

        self.note_put(config)
        if must_wait_for(config, checkpoint, metadata, self.triggers):
            await self._write(config, work)
        else:
            self._post(config, work, can_wait=True)
        return place_of(config, checkpoint["id"])

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote. Raises LeaseLost, StateNotStorable, StorageFailed."""
        configurable = config["configurable"]
        thread_id = str(configurable["thread_id"])
        place = thread_id, str(configurable["checkpoint_ns"]), str(configurable["checkpoint_id"])
        run_id = run_id_of(config)
        for cached in self._cache.lists(self.serde, thread_id):
            for _, value in writes:
                cached.invalidate(possible_messages(value))
        await self.deletions.wait_idle(thread_id)
        lists = tuple(self._cache.lists(self.serde, thread_id))  # as in aput: nothing is awaited from here
        packed = [pack_write(self.serde, channel, value, lists) for channel, value in writes]
        is_special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        statement = statements.PUT_SPECIAL if is_special else statements.PUT_PLAIN
        rows = [
            (*place, task_id, task_path, WRITES_IDX_MAP.get(channel, idx), channel, run_id, kind, blob)
            for idx, ((channel, _), (kind, blob, _)) in enumerate(zip(writes, packed, strict=True))
        ]

        def work(connection: sqlite3.Connection) -> None:
            lists = put(connection, thread_id, packed)
            insert(connection, statement, [(*row, *each) for row, each in zip(rows, lists, strict=True)])

        if run_id and FENCE in configurable:
            self._post(config, work, can_wait=is_input_write(config, task_path))
        else:
            await self._write(config, work)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete all of the thread. Raises StorageFailed."""

        def work(connection: sqlite3.Connection) -> Deletion:
            erasure.mark(connection, str(thread_id))
            return Deletion(has_more=erasure.erase_some(connection, str(thread_id)))

        await self.deletions.run(str(thread_id), work)

    async def _write(self, config: RunnableConfig, work: Work[None]) -> None:
        """Do the work, unless the fence was revoked, or a write posted for the run has failed."""
        run_id = run_id_of(config)

        def checked(connection: sqlite3.Connection) -> None:
            check_fence(config)
            _check_row(connection, config)
            self._database.check(run_id)
            work(connection)

        await self._database.write(checked)

    def _post(self, config: RunnableConfig, work: Work[None], *, can_wait: bool) -> None:
        """Do the same without waiting for it: if it fails, so do the run's later writes."""
        run_id = run_id_of(config)

        def checked(connection: sqlite3.Connection) -> None:
            _check_row(connection, config)
            self._database.check(run_id)
            work(connection)

        check_fence(config)
        self._database.post(run_id, checked, can_wait=can_wait)


def _check_row(connection: sqlite3.Connection, config: RunnableConfig) -> None:
    """Raise LeaseLost unless the row of the run that writes is running its attempt."""
    fence: Fence | None = config["configurable"].get(FENCE)
    if fence is not None and fence.run_id and not is_running(connection, fence.run_id, fence.attempt):
        raise LeaseLost
