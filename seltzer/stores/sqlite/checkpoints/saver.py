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
from collections.abc import AsyncIterator, Iterable, Sequence
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
from seltzer.stores.checkpoints.channels import pack_checkpoint, pack_write
from seltzer.stores.checkpoints.durability import Triggers, is_input_write, must_wait_for, run_id_of
from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.checkpoints.metadata import dump_metadata
from seltzer.stores.checkpoints.progress import CheckpointCounts
from seltzer.stores.checkpoints.retention import ROOT, described, is_lasting
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.sync_half import SyncHalf
from seltzer.stores.options import ClassName
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.checkpoints.deletions import Deletion, MessageDeletions
from seltzer.stores.sqlite.checkpoints.messages import put
from seltzer.stores.sqlite.checkpoints.reader import CheckpointReader
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql import erasure
from seltzer.stores.sqlite.sql.bulk import insert
from seltzer.stores.sqlite.sql.runs import is_running
from seltzer.stores.sqlite.transactions import Work

WRITTEN_LIMIT: Final = 64  # messages; a node that writes more passes on a state that it was given


class SqliteSaver(SyncHalf):
    """A saver to a file that has the tables, for one event loop.

    triggers: the channels that make its graph's nodes run, where its state is declared.
    """

    serde: SafeSerializer
    triggers: Triggers = None

    def __init__(self, database: Database, cache: MessageCache, serde: SafeSerializer) -> None:
        super().__init__(serde=serde)
        self.counts = CheckpointCounts()
        self.deletions = MessageDeletions(database, cache, self.counts)
        self._cache = cache
        self._serializers: dict[frozenset[ClassName], SafeSerializer] = {}
        self._database = database
        self._reader = CheckpointReader(database, cache, self.deletions)

    def for_graph(self, classes: Iterable[ClassName], triggers: Triggers) -> "SqliteSaver":
        """Return a saver that also revives these classes, for a graph whose nodes these channels trigger.

        Savers for the same classes share their cached messages: a factory may make a graph for each run.
        """
        saver, key = copy(self), frozenset(classes)
        if key not in self._serializers:
            self._serializers[key] = self.serde.allowing(key)
        saver.serde = self._serializers[key]
        saver.triggers = triggers
        return saver

    async def read_rows(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        """Return the rows that the statement selects of the thread that is its first parameter."""
        await self.deletions.wait_idle(str(parameters[0]))
        return await self._reader.read_rows(statement, parameters)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        configurable, checkpoint_id = config["configurable"], get_checkpoint_id(config)
        thread_id, namespace = str(configurable["thread_id"]), configurable.get("checkpoint_ns", "")
        fence: Fence | None = configurable.get(FENCE)
        if fence is not None and fence.is_thread_new:
            return None
        if fence is not None and (place := (namespace, checkpoint_id)) in fence.ahead:
            ahead = fence.ahead.pop(place)
            return ahead._replace(config=config) if ahead and checkpoint_id else ahead
        if checkpoint_id:
            found = await self._reader.load(self.serde, statements.BY_ID, thread_id, namespace, checkpoint_id)
            return found and found._replace(config=config)
        return await self._reader.load(self.serde, statements.NEWEST, thread_id, namespace)

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
            places = await self._reader.read_rows(*statements.listing(config, filter, before, limit))
            gone = 0
            for place in places:
                found = await self._reader.load(self.serde, statements.BY_ID, *place)
                if found is not None:
                    yield found
                gone += found is None
            if limit is None or not gone:
                return
            limit, before = gone, {"configurable": {"checkpoint_id": places[-1]["checkpoint_id"]}}

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
        parent_id = configurable.get("checkpoint_id")
        place = thread_id, namespace, checkpoint["id"], parent_id
        row = *place, *described(about), dump_metadata(about), packed.kind, packed.blob

        def work(connection: sqlite3.Connection) -> None:
            (lists,) = put(connection, thread_id, [packed])
            connection.execute(statements.PUT, (*row, *lists))

        if namespace == ROOT:
            self.counts.add(thread_id, is_first=parent_id is None)
        elif is_lasting(namespace) and FENCE in configurable:
            configurable[FENCE].has_lasting = True
        if must_wait_for(config, checkpoint, metadata, self.triggers):
            await self._write(config, work)
        else:
            self._post(config, work, can_wait=True)
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
        """Store what a task wrote. Raises LeaseLost, StateNotStorable, StorageFailed."""
        configurable = config["configurable"]
        thread_id = str(configurable["thread_id"])
        place = thread_id, str(configurable["checkpoint_ns"]), str(configurable["checkpoint_id"])
        run_id = run_id_of(config)
        for cached in self._cache.lists(self.serde, thread_id):
            for _, value in writes:
                cached.invalidate(_possible_messages(value))
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
            _check_fence(config)
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

        _check_fence(config)
        self._database.post(run_id, checked, can_wait=can_wait)


def _check_fence(config: RunnableConfig) -> None:
    """Raise LeaseLost if the fence was revoked. From now on the thread isn't new any more."""
    fence = config["configurable"].get(FENCE)
    if fence is not None:
        fence.check()
        fence.is_thread_new = False


def _check_row(connection: sqlite3.Connection, config: RunnableConfig) -> None:
    """Raise LeaseLost unless the row of the run that writes is running its attempt."""
    fence: Fence | None = config["configurable"].get(FENCE)
    if fence is not None and fence.run_id and not is_running(connection, fence.run_id, fence.attempt):
        raise LeaseLost


def _possible_messages(value: Any) -> list[Any]:
    """Return what may be messages that a node wrote, unless there are so many that it passes a state on."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values if len(values) <= WRITTEN_LIMIT else []
