"""The Checkpoints port in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.runs.event import RunId
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import Run
from seltzer.runs.thread import ThreadStorage
from seltzer.runs.tree import CheckpointRef
from seltzer.stores.checkpoints.retention import (
    INTERRUPT,
    KEPT,
    ROOT,
    Row,
    is_lasting,
    new_parents,
    superfluous,
)
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.memory.data import Data
from seltzer.stores.memory.saver import MemorySaver, States, Stored


class MemoryCheckpoints:
    """The Checkpoints of all engines that share the data. kept: how many of a thread's prune() leaves."""

    def __init__(self, data: Data, *, kept: int = KEPT, turns: int | None = 1) -> None:
        self._data = data
        self._states = States()
        self._kept = kept
        self._turns = turns

    def saver_for(self, pregel: AnyPregel) -> BaseCheckpointSaver[Any]:
        """Return a saver for the event loop that this is called in."""
        return MemorySaver(self._data, self._states, SafeSerializer()).for_graph(pregel)

    async def tree(self, thread_id: str) -> Sequence[CheckpointRef]:
        return [
            CheckpointRef(each.checkpoint_id, each.parent_id, each.source, each.run_id)
            for each in self._states.of(thread_id)
            if each.namespace == ROOT
        ]

    async def prune(self, thread_id: str) -> None:
        stored = self._states.of(thread_id)
        rows = [
            Row(
                each.seq,
                each.namespace,
                each.source,
                "counters_since_delta_snapshot" in each.metadata,
                each.checkpoint_id,
                each.parent_id,
                any(write.idx == INTERRUPT for write in each.writes),
            )
            for each in stored
        ]
        forks = {row.run.spec.checkpoint_id for row in self._data.active(thread_id)}
        forked = [each.seq for each in stored if each.namespace == ROOT and each.checkpoint_id in forks]
        doomed = set(superfluous(rows, self._kept, forked, turns=self._turns))
        parents = new_parents(rows, doomed)
        for each in stored:
            each.parent_id = parents.get(each.seq, each.parent_id)
        self._keep(thread_id, [each for each in stored if each.seq not in doomed])

    async def roll_back(self, thread_id: str, run_ids: Sequence[RunId], *, by: Run | None = None) -> None:
        if by is not None and not self._data.is_running(by.spec.run_id, by.attempt):
            return
        stored = self._states.of(thread_id)
        gone = {each.checkpoint_id: each.parent_id for each in stored if each.run_id in run_ids}
        there = {each.checkpoint_id for each in stored}
        for row in self._data.active(thread_id):
            nearest = row.run.spec.checkpoint_id
            while nearest in gone:
                nearest = gone[nearest]
            if nearest is None or nearest in there:
                row.run = replace(row.run, spec=replace(row.run.spec, checkpoint_id=nearest))
        kept = [each for each in stored if each.run_id not in run_ids]
        for each in kept:
            each.writes = [write for write in each.writes if write.run_id not in run_ids]
        self._keep(thread_id, kept)

    async def reassign(self, thread_id: str, run_id: RunId, to: RunId, *, by: Run | None = None) -> None:
        """Make what the run wrote to the thread the other run's."""
        if by is not None and not self._data.is_running(by.spec.run_id, by.attempt):
            return
        for each in self._states.of(thread_id):
            if each.run_id == run_id:
                each.metadata["run_id"] = to
            for write in each.writes:
                if write.run_id == run_id:
                    write.run_id = to

    async def lasting_namespaces(self, thread_id: str) -> Sequence[str]:
        found = {each.namespace: None for each in self._states.of(thread_id)}
        return [namespace for namespace in found if is_lasting(namespace)]

    def storage(self, thread_id: str) -> ThreadStorage:
        """Return what the thread's states take; each has all of its messages."""
        stored = self._states.of(thread_id)
        written = [write.value for each in stored for write in each.writes]
        values = [*written, *(each.checkpoint for each in stored)]
        return ThreadStorage(len(stored), states_bytes=sum(len(blob) for _, blob in values))

    def delete(self, thread_id: str) -> None:
        """Delete the thread's states."""
        self._states.threads.pop(thread_id, None)

    def _keep(self, thread_id: str, stored: Iterable[Stored]) -> None:
        if thread_id in self._states.threads:
            self._states.threads[thread_id] = list(stored)
