"""A checkpoint saver in memory: whole states, as they were serialized."""

import math
from collections.abc import AsyncIterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import orjson
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

from seltzer.runs.event import RunId
from seltzer.runs.execution.fence import FENCE, Fence, LeaseLost
from seltzer.runs.graph import AnyPregel
from seltzer.stores.checkpoints.channels import dump_checkpoint, dump_write
from seltzer.stores.checkpoints.durability import run_id_of
from seltzer.stores.checkpoints.metadata import dump_metadata, wanted
from seltzer.stores.checkpoints.retention import (
    ROOT,
    is_lasting,
)
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.state_classes import state_classes
from seltzer.stores.checkpoints.sync_half import SyncHalf
from seltzer.stores.memory.data import Data


@dataclass(slots=True)
class Write:
    """What a task wrote to a channel."""

    task_id: str
    task_path: str
    idx: int
    channel: str
    value: tuple[str, bytes]
    run_id: RunId


@dataclass(slots=True)
class Stored:
    """A checkpoint, with the writes on it. seq is the order of writing."""

    seq: int
    namespace: str
    checkpoint_id: str
    parent_id: str | None
    metadata: dict[str, Any]
    checkpoint: tuple[str, bytes]
    writes: list[Write] = field(default_factory=list)

    @property
    def run_id(self) -> RunId:
        return str(self.metadata.get("run_id", ""))

    @property
    def source(self) -> str:
        return str(self.metadata.get("source", ""))


class States:
    """The checkpoints of all threads, those of each in the order of writing."""

    def __init__(self) -> None:
        self.last_seq = 0
        self.threads: dict[str, list[Stored]] = {}

    def of(self, thread_id: str) -> list[Stored]:
        return self.threads.get(thread_id, [])

    def find(self, thread_id: str, namespace: str, checkpoint_id: str | None) -> Stored | None:
        """Return the checkpoint; the newest one, without an id."""
        for each in reversed(self.of(thread_id)):
            if each.namespace == namespace and checkpoint_id in (None, each.checkpoint_id):
                return each
        return None


class MemorySaver(SyncHalf):
    """A saver for one event loop. Whole states are stored with each checkpoint, as they were serialized."""

    serde: SafeSerializer

    def __init__(self, data: Data, states: States, serde: SafeSerializer) -> None:
        super().__init__(serde=serde)
        self._data = data
        self._states = states

    def for_graph(self, pregel: AnyPregel) -> "MemorySaver":
        """Return a saver that also revives the classes which the graph's state declares."""
        saver = copy(self)
        saver.serde = self.serde.allowing(frozenset(state_classes(pregel)))
        return saver

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        configurable, checkpoint_id = config["configurable"], get_checkpoint_id(config)
        thread_id, namespace = str(configurable["thread_id"]), configurable.get("checkpoint_ns", ROOT)
        found = self._states.find(thread_id, namespace, checkpoint_id)
        return None if found is None else self._tuple(thread_id, found)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield the checkpoints, the one written last first.

        before: if it isn't kept any more, those before the first one whose id has a later time. What is
        deleted meanwhile isn't listed.
        """
        place = {} if config is None else config["configurable"]
        only_id = None if config is None else get_checkpoint_id(config)
        before_id = None if before is None else get_checkpoint_id(before)
        matching = [
            (thread_id, each)
            for thread_id, stored in self._states.threads.items()
            if str(place.get("thread_id", thread_id)) == thread_id
            for each in stored
            if place.get("checkpoint_ns", each.namespace) == each.namespace
            and only_id in (None, each.checkpoint_id)
            and all(each.metadata.get(key) == value for key, value in wanted(filter).items())
            and (before is None or each.seq < _end(stored, str(before_id)))
        ]
        matching.sort(key=lambda each: -each[1].seq)
        left = math.inf if limit is None else limit
        for thread_id, each in matching:
            if left > 0 and self._states.find(thread_id, each.namespace, each.checkpoint_id) is each:
                yield self._tuple(thread_id, each)
                left -= 1

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store the checkpoint as the newest one; one that is stored already keeps its place."""
        configurable = config["configurable"]
        thread_id, namespace = str(configurable["thread_id"]), configurable["checkpoint_ns"]
        packed = dump_checkpoint(self.serde, checkpoint, self.serde.dumps_typed)
        about = orjson.loads(dump_metadata(get_checkpoint_metadata(config, metadata)))
        self._check_fence(config, namespace)
        existing = self._states.find(thread_id, namespace, checkpoint["id"])
        if existing is None:
            self._states.last_seq += 1
            seq, parent_id = self._states.last_seq, configurable.get("checkpoint_id")
            stored = Stored(seq, namespace, checkpoint["id"], parent_id, about, packed)
            self._states.threads.setdefault(thread_id, []).append(stored)
        else:
            existing.metadata, existing.checkpoint = about, packed
        place = {"thread_id": configurable["thread_id"], "checkpoint_ns": namespace}
        return {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote. Another run's writes of the task stay: this one may be rolled back."""
        configurable, run_id = config["configurable"], run_id_of(config)
        packed = [
            Write(
                task_id,
                task_path,
                WRITES_IDX_MAP.get(channel, idx),
                channel,
                dump_write(self.serde, channel, value, self.serde.dumps_typed),
                run_id,
            )
            for idx, (channel, value) in enumerate(writes)
        ]
        self._check_fence(config, configurable["checkpoint_ns"])
        place = str(configurable["thread_id"]), configurable["checkpoint_ns"], configurable["checkpoint_id"]
        if (stored := self._states.find(*place)) is None:
            return
        for write in packed:
            key = task_id, write.idx, run_id
            same = [each for each in stored.writes if (each.task_id, each.idx, each.run_id) == key]
            if write.idx < 0:
                stored.writes = [each for each in stored.writes if each not in same]
            if write.idx < 0 or not same:
                stored.writes.append(write)

    async def adelete_thread(self, thread_id: str) -> None:
        self._states.threads.pop(str(thread_id), None)

    def _check_fence(self, config: RunnableConfig, namespace: str) -> None:
        """Raise LeaseLost unless the attempt that writes is the one that its run's row is running."""
        fence: Fence | None = config["configurable"].get(FENCE)
        if fence is None:
            return
        fence.check()
        if fence.run_id and not self._data.is_running(fence.run_id, fence.attempt):
            raise LeaseLost
        fence.is_thread_new = False
        fence.has_lasting = fence.has_lasting or is_lasting(namespace)

    def _tuple(self, thread_id: str, stored: Stored) -> CheckpointTuple:
        chosen: dict[tuple[str, int], Write] = {}
        for write in stored.writes:  # of several runs' the first counts, of LangGraph's special ones the last
            if write.idx < 0 or (write.task_id, write.idx) not in chosen:
                chosen[write.task_id, write.idx] = write
        writes = sorted(chosen.values(), key=lambda write: (write.task_path, write.task_id, write.idx))
        place = {"thread_id": thread_id, "checkpoint_ns": stored.namespace}
        parent = {"configurable": {**place, "checkpoint_id": stored.parent_id}} if stored.parent_id else None
        return CheckpointTuple(
            {"configurable": {**place, "checkpoint_id": stored.checkpoint_id}},
            self.serde.loads_typed(stored.checkpoint),
            dict(stored.metadata),  # type: ignore[arg-type]  # as it was given
            parent,  # type: ignore[arg-type]  # a config
            [(each.task_id, each.channel, self.serde.loads_typed(each.value)) for each in writes],
        )


def _end(stored: Sequence[Stored], before_id: str) -> float:
    """Return the order of writing that those before the checkpoint are below."""
    there = (each.seq for each in stored if each.checkpoint_id == before_id)
    later = (each.seq for each in stored if each.checkpoint_id > before_id)
    return next(there, min(later, default=math.inf))
