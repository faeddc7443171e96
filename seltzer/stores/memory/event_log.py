"""The event log in memory."""

from collections.abc import AsyncIterator, Mapping, Sequence

from seltzer.cursor import Cursor
from seltzer.errors import StreamGap
from seltzer.runs.event import Event, RunId
from seltzer.runs.ports import Wake
from seltzer.stores.memory.data import Data, Log


class MemoryEventLog:
    """The EventLog of all engines that share the data. events_limit: how many are kept of a run."""

    def __init__(self, data: Data, *, events_limit: int | None = None) -> None:
        self._data = data
        self._limit = events_limit or data.events_limit

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        self._data.expire_logs()
        fenced, stored = set(), set()
        for run_id, events in batch.items():
            fresh = [event for event in events if self._data.is_running(run_id, event.attempt)]
            if fresh:
                log = self._data.logs.setdefault(run_id, Log())
                log.append(fresh)
                self._trim(log)
                stored.add(run_id)
            if events and not self._data.is_running(run_id, events[-1].attempt):
                fenced.add(run_id)
        self._data.publish(Wake(stored))
        return fenced

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        self._data.expire_logs()
        found = {}
        for run_id, cursor in after.items():
            if (log := self._data.logs.get(run_id)) is None:
                continue
            self._trim(log)  # the last events came with the run's end
            if cursor < log.dropped:
                raise StreamGap(f"the events of run {run_id!r} after {cursor} are no longer kept")
            found[run_id] = [event for event in log.events if event.cursor > cursor]
        return found

    def wakes(self) -> AsyncIterator[Wake] | None:
        return self._data.wakes()

    def _trim(self, log: Log) -> None:
        excess = len(log.events) - self._limit
        if excess > 0:
            log.dropped = log.events[excess - 1].cursor
            del log.events[:excess]
