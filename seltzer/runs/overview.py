"""What an operator sees of runs: which there are, what each emitted and when, what this process does now."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from seltzer.cursor import START, Cursor
from seltzer.runs.event import Event, RunId
from seltzer.runs.execution.worker import Worker
from seltzer.runs.ports import Runs
from seltzer.runs.run import Run, RunSearch, RunSummary
from seltzer.runs.streaming.follower import Follower
from seltzer.runs.streaming.hub import Hub


class Live(NamedTuple):
    """What this process does now. streams: readers of runs, by any protocol. tokens: since started_at."""

    running: int
    pending: int
    streams: int
    tokens: int
    started_at: datetime


class Overview:
    """The runs of the store, and those of this process, which began when this was made."""

    def __init__(self, runs: Runs, follower: Follower, hub: Hub, worker: Worker) -> None:
        self._runs = runs
        self._follower = follower
        self._hub = hub
        self._worker = worker
        self._started_at = datetime.now(UTC)

    async def list(self, search: RunSearch) -> Sequence[RunSummary]:
        """Return the runs that match, the newest first."""
        return await self._runs.search(search)

    async def log(self, run_id: RunId, after: Cursor = START) -> tuple[Run, Sequence[Event]]:
        """Return the run, and its stored events after the cursor: of an active run, all but the latest.

        Raises UnknownRun, InvalidCursor, and StreamGap if the cursor is before the oldest kept event.
        """
        return await self._follower.stored(run_id, after)

    def live(self) -> Live:
        """Return what this process does now."""
        running, pending, tokens = self._worker.load
        return Live(running, pending, self._hub.readers, tokens, self._started_at)
