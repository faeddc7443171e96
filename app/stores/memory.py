"""The event log in this process's memory: gone when it stops."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from app.errors import StreamGap
from app.runs.event import Cursor, Event, RunId

EVENTS_LIMIT: Final = 10_000  # kept for each run; the oldest go first


class MemoryLog:
    """An EventLog that keeps the last EVENTS_LIMIT events of each run."""

    def __init__(self, *, events_limit: int = EVENTS_LIMIT) -> None:
        self._events_limit = events_limit
        self._logs: dict[RunId, list[Event]] = {}
        self._trimmed_to: dict[RunId, Cursor] = {}

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        fenced = set()
        for run_id, events in batch.items():
            log = self._logs.setdefault(run_id, [])
            for event in events:
                if log and event.attempt < log[-1].attempt:
                    fenced.add(run_id)
                elif not log or event.cursor > log[-1].cursor:
                    log.append(event)
            self._trim(run_id, log)
        return fenced

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        return {
            run_id: self._after(run_id, cursor) for run_id, cursor in after.items() if run_id in self._logs
        }

    async def expire(self, run_id: RunId, ttl_s: float) -> None:
        asyncio.get_running_loop().call_later(ttl_s, self._forget, run_id)

    def _after(self, run_id: RunId, cursor: Cursor) -> list[Event]:
        if cursor < self._trimmed_to.get(run_id, cursor):
            raise StreamGap(f"the events of run {run_id!r} behind {cursor} are not kept any more")
        return [event for event in self._logs[run_id] if event.cursor > cursor]

    def _trim(self, run_id: RunId, log: list[Event]) -> None:
        excess = len(log) - self._events_limit
        if excess > 0:
            self._trimmed_to[run_id] = log[excess - 1].cursor
            del log[:excess]

    def _forget(self, run_id: RunId) -> None:
        self._logs.pop(run_id, None)
        self._trimmed_to.pop(run_id, None)
