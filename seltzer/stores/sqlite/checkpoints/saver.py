"""A LangGraph saver, made fit for long threads, shifting clocks and late writers.

Departs from LangGraph's AsyncSqliteSaver in these points:

1. "newest" is what was written last, not what has the highest id: ids come from the clock;
2. a write whose execution was let go (seltzer/runs/execution/fence.py) is refused;
3. lists of messages are stored by packing.py, each message once a thread;
4. a pending write keeps the run that made it and doesn't replace another's, so that it can be rolled back;
5. it shares the server's Database: each of its verbs is one transaction and one hop to a thread, or two hops
   where messages are to be read that aren't known. No lock is held between the rows of a listing;
6. a write is waited for only where a node would run before it is stored (waiting.py says which those are),
   and a new thread isn't looked for.

So the tables are its own (migrations/0002_checkpoints.sql), though they are called as LangGraph's; another
saver can't read them.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from copy import copy
from operator import itemgetter
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

from seltzer.errors import StorageFailed
from seltzer.runs.execution.fence import FENCE
from seltzer.runs.jsonable import dumps
from seltzer.stores.checkpoints.channels import pack_checkpoint, pack_write
from seltzer.stores.checkpoints.durability import Triggers, is_of_the_input, is_waited_for, run_of
from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.checkpoints.packing import unpack
from seltzer.stores.checkpoints.retention import ROOT, CheckpointCounts
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.sync_half import SyncHalf
from seltzer.stores.options import ClassName
from seltzer.stores.sqlite.bulk import insert
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.checkpoints.deletions import MessageDeletions
from seltzer.stores.sqlite.checkpoints.messages import Recalled, decode, fetch, put
from seltzer.stores.sqlite.checkpoints.rows import by_rank, to_tuple
from seltzer.stores.sqlite.connection import Work
from seltzer.stores.sqlite.database import Database

WRITTEN_LIMIT: Final = 64  # messages; a node that writes more gives a state on that it was given


class SqliteSaver(SyncHalf):
    """A saver to a file that has the tables, for one event loop.

    triggers: the channels that make its graph's nodes run, if they are known.
    """

    serde: SafeSerializer
    triggers: Triggers = None

    def __init__(self, database: Database, known: MessageCache, serde: SafeSerializer) -> None:
        super().__init__(serde=serde)
        self.known = known
        self.drops = MessageDeletions(database, known)
        self.written = CheckpointCounts()
        self._database = database

    def for_graph(self, classes: Iterable[ClassName], triggers: Triggers) -> "SqliteSaver":
        """Return a saver that also revives these classes, for a graph whose nodes these channels trigger."""
        saver = copy(self)
        saver.serde = self.serde.allowing(classes)
        saver.triggers = triggers
        return saver

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        configurable = config["configurable"]
        if (fence := configurable.get(FENCE)) is not None and fence.is_thread_new:
            return None
        thread_id, namespace = str(configurable["thread_id"]), configurable.get("checkpoint_ns", "")
        if checkpoint_id := get_checkpoint_id(config):
            found = await self._load(statements.BY_ID, thread_id, namespace, checkpoint_id)
            return found and found._replace(config=config)
        return await self._load(statements.NEWEST, thread_id, namespace)

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
        statement, values = statements.listing(config, filter, before, limit)
        for place in await self._database.read(
            lambda connection: _rows(connection, statement, values), behind_posts=True
        ):
            found = await self._load(statements.BY_ID, *place)
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

        Raises LeaseLost, StateNotStorable, StorageFailed.
        """
        configurable = config["configurable"]
        thread_id, namespace = str(configurable["thread_id"]), configurable["checkpoint_ns"]
        about = dumps(get_checkpoint_metadata(config, metadata))
        await self.drops.settled(thread_id)
        # Written without waiting in between: what is cached may be dropped as soon as anyone waits.
        packed = pack_checkpoint(self.serde, checkpoint, tuple(self.known.lists(self.serde, thread_id)))
        parent_id = configurable.get("checkpoint_id")
        row = thread_id, namespace, checkpoint["id"], parent_id, about, packed.kind, packed.blob

        def work(connection: sqlite3.Connection) -> None:
            put(connection, thread_id, packed.new.values())
            connection.execute(statements.PUT, row)

        if namespace == ROOT:
            self.written.add(thread_id, is_first=parent_id is None)
        if is_waited_for(config, checkpoint, metadata, self.triggers):
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
        run_id = run_of(config)
        values = [value for _, value in writes]
        for known in self.known.lists(self.serde, thread_id):
            for value in values:
                known.doubt(_written(value))
        await self.drops.settled(thread_id)
        cached = tuple(self.known.lists(self.serde, thread_id))
        packed = [pack_write(self.serde, channel, value, cached) for channel, value in writes]
        is_special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        statement = statements.PUT_SPECIAL if is_special else statements.PUT_PLAIN
        rows = [
            (*place, task_id, task_path, WRITES_IDX_MAP.get(channel, idx), channel, kind, blob, run_id)
            for idx, ((channel, _), (kind, blob, _)) in enumerate(zip(writes, packed, strict=True))
        ]

        def work(connection: sqlite3.Connection) -> None:
            put(connection, thread_id, [new for each in packed for new in each.new.values()])
            insert(connection, statement, rows)

        if run_id and FENCE in configurable:
            self._post(config, work, can_wait=is_of_the_input(config, task_path))
        else:
            await self._write(config, work)

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget all of the thread. Raises StorageFailed."""

        def work(connection: sqlite3.Connection) -> None:
            for statement in statements.DELETE_THREAD:
                connection.execute(statement, (str(thread_id),))

        await self.drops.do(str(thread_id), work)

    async def _write(self, config: RunnableConfig, work: Work[None]) -> None:
        """Do the work, if the execution still has its lease and all went well that was posted for it."""
        run_id = run_of(config)

        def checked(connection: sqlite3.Connection) -> None:
            _check_fence(config)
            self._database.check(run_id)
            work(connection)

        await self._database.write(checked)

    def _post(self, config: RunnableConfig, work: Work[None], *, can_wait: bool) -> None:
        """Do the same without anyone waiting for it: the run's later writes fail if it does."""
        run_id = run_of(config)

        def checked(connection: sqlite3.Connection) -> None:
            self._database.check(run_id)
            work(connection)

        _check_fence(config)
        self._database.post(run_id, checked, can_wait=can_wait)

    async def _load(self, which: str, thread_id: str, *others: str) -> CheckpointTuple | None:
        """Return the checkpoint, with what was written on it. others: what `which` asks for besides."""
        while True:
            await self.drops.settled(thread_id)
            epoch = self.known.epoch
            rows = await self._database.read(
                lambda connection: _rows(connection, statements.LOAD % which, (thread_id, *others)),
                behind_posts=True,
            )
            if not rows:
                return None
            head, *written = sorted(rows, key=itemgetter(0))
            written = by_rank(written)
            values = [unpack(self.serde, kind, blob) for _, _, _, kind, blob, *_ in (head, *written)]
            lists = [refs for _, lists in values for refs in lists.values()]
            before = self.known.lists(self.serde, thread_id)
            recalled = [Recalled(each, *self.known.recall(self.serde, thread_id, each)) for each in lists]
            if await self._fetch(thread_id, recalled):
                break
            if epoch == self.known.epoch and not self.drops.goes_on(thread_id):
                raise StorageFailed(f"messages of thread {thread_id!r} are missing in the file")
        await decode(self.serde, recalled)
        for each in recalled:
            # not if the thread has gone since: its messages, known before, would count for nothing
            is_same = not before or self.known.lists(self.serde, thread_id) is before
            if epoch == self.known.epoch and is_same:
                self.known.remember(self.serde, thread_id, each.refs, each.messages, each.size_bytes)
        return to_tuple(head, written, values, recalled)

    async def _fetch(self, thread_id: str, lists: Sequence[Recalled]) -> bool:
        """Read the stored form of what is missing in the lists. False: they were pruned since."""
        refs = {ref for each in lists for ref in each.missing}
        if refs:
            stored = await self._database.read(lambda connection: fetch(connection, thread_id, refs))
            for each in lists:
                each.stored = stored
            return len(stored) == len(refs)
        return True


def _rows(connection: sqlite3.Connection, statement: str, parameters: Sequence[Any]) -> list[Any]:
    return connection.execute(statement, parameters).fetchall()


def _check_fence(config: RunnableConfig) -> None:
    """Raise LeaseLost if the execution that writes was let go; note that its thread has something now."""
    fence = config["configurable"].get(FENCE)
    if fence is not None:
        fence.check()
        fence.is_thread_new = False


def _written(value: Any) -> list[Any]:
    """Return what may be messages that a node wrote, unless there are so many that it gives a state on."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values if len(values) <= WRITTEN_LIMIT else []
