"""The conversations in memory."""

from builtins import list as list_of
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter

from seltzer.runs.event import Json, RunId
from seltzer.runs.jsonable import dumps
from seltzer.runs.run import Owner
from seltzer.runs.text import fold, storable, without_nul
from seltzer.runs.thread import NewThread, Thread, ThreadSearch, ThreadStorage, contains
from seltzer.stores.memory.checkpoints import MemoryCheckpoints
from seltzer.stores.memory.data import Data, ThreadRow
from seltzer.stores.submission import thread_busy


class MemoryThreads:
    """The Threads of all engines that share the data."""

    def __init__(self, data: Data, checkpoints: MemoryCheckpoints) -> None:
        self._data = data
        self._checkpoints = checkpoints

    async def create(self, new: NewThread) -> Thread | None:
        if new.thread_id in self._data.threads:
            return None
        now = self._data.now()
        row = self._data.threads[new.thread_id] = ThreadRow(_storable(new), now, now)
        return row.get()

    async def get(self, thread_id: str, *, owner: Owner | None = None) -> Thread | None:
        row = self._find(thread_id, owner)
        return None if row is None else row.get()

    async def has_run(self, thread_id: str, graph: str) -> bool:
        row = self._find(thread_id)
        return row is not None and any(each.run.spec.graph == graph for each in row.runs)

    async def interrupted(self, thread_id: str) -> list_of[RunId]:
        row, found = self._find(thread_id), []
        for each in reversed(row.runs if row else []):
            if each.run.is_active or not each.counts:
                continue
            if each.run.status != "interrupted":
                break
            found.append(each.run.spec.run_id)
        return found

    async def list(
        self, graph: str, *, query: str, limit: int, before: int | None, owner: Owner | None = None
    ) -> list_of[Thread]:
        found = []
        for row in self._data.threads.values():
            newest = row.newest
            if newest is None or newest.run.spec.graph != graph or owner not in (None, row.new.owner):
                continue
            if fold(query) in fold(row.new.title) and (before is None or newest.run.number < before):
                found.append((newest.run.number, row))
        found.sort(key=lambda each: -each[0])
        return [row.get() for _, row in found[:limit]]

    async def search(self, search: ThreadSearch) -> Sequence[Thread]:
        found = sorted(self._matching(search), key=lambda thread: thread.thread_id)
        found.sort(key=attrgetter(search.sort_by), reverse=not search.is_ascending)
        return found[search.offset : search.offset + search.limit]

    async def count(self, search: ThreadSearch) -> int:
        return len(self._matching(search))

    async def rename(self, thread_id: str, title: str, *, owner: Owner | None = None) -> Thread | None:
        if (row := self._find(thread_id, owner)) is None:
            return None
        row.new = _storable(replace(row.new, title=title))
        return row.get()

    async def add_metadata(
        self, thread_id: str, metadata: Mapping[str, Json], *, owner: Owner | None = None
    ) -> Thread | None:
        if (row := self._find(thread_id, owner)) is None:
            return None
        row.new = _storable(replace(row.new, metadata={**row.new.metadata, **metadata}))
        row.updated_at = self._data.now()
        return row.get()

    async def storage(self, thread_id: str) -> ThreadStorage:
        row, logs = self._find(thread_id), self._data.logs
        runs = [each.run for each in row.runs] if row else []
        events = [event for run in runs if (log := logs.get(run.spec.run_id)) for event in log.events]
        return replace(
            self._checkpoints.storage(thread_id),
            runs=len(runs),
            runs_bytes=sum(len(dumps(run.output)) for run in runs),
            events_bytes=sum(len(dumps(event.data)) for event in events),
        )

    async def delete(self, thread_id: str, *, owner: Owner | None = None) -> bool:
        data, row = self._data, self._data.threads.get(thread_id)
        if row is not None and owner not in (None, row.new.owner):
            return False
        for each in data.active(thread_id):
            raise thread_busy(each.run.spec.run_id, thread_id)
        self._checkpoints.delete(thread_id)
        for each in row.runs if row else ():
            run_id = each.run.spec.run_id
            del data.runs[run_id]
            data.logs.pop(run_id, None)
            if each.run.spec.digest:
                data.deleted[run_id] = data.clock()
        return data.threads.pop(thread_id, None) is not None

    def _matching(self, search: ThreadSearch) -> list_of[Thread]:
        ids = search.thread_ids
        return [
            thread
            for row in self._data.threads.values()
            if search.owner in (None, row.new.owner)
            and (ids is None or row.new.thread_id in ids)
            and contains(dict(row.new.metadata), storable(search.metadata))
            and search.graph in (None, (thread := row.get()).graph)
            and search.status in (None, thread.status)
        ]

    def _find(self, thread_id: str, owner: Owner | None = None) -> ThreadRow | None:
        row = self._data.threads.get(thread_id)
        return None if row is None or owner not in (None, row.new.owner) else row


def _storable(new: NewThread) -> NewThread:
    """Return it as every store keeps it."""
    return replace(new, title=without_nul(new.title), metadata=storable(new.metadata))
