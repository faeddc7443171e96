"""The relay: publishes here what runs emit that other processes execute, with one read for all readers.

It acts on the store's hints, and re-reads now and then, as a hint may be lost. A store of one process gives
no hints, and needs no relay.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from itertools import groupby
from operator import attrgetter
from typing import Final

from seltzer.cursor import Cursor
from seltzer.errors import StorageFailed, StreamGap
from seltzer.runs.event import Event, RunId
from seltzer.runs.ports import EventLog, Runs, Wake
from seltzer.runs.streaming.hub import Hub, Tail

log = logging.getLogger(__name__)

REREAD_S: Final = 1.0


class Relay:
    """Relays runs from open() to aclose().

    on_wake: called with each hint. reread_s: when all relayed runs are read again, without a hint.
    """

    def __init__(
        self,
        runs: Runs,
        event_log: EventLog,
        hub: Hub,
        *,
        on_wake: Callable[[Wake], None],
        reread_s: float = REREAD_S,
    ) -> None:
        self._runs = runs
        self._log = event_log
        self._hub = hub
        self._on_wake = on_wake
        self._reread_s = reread_s
        self._due: set[RunId] = set()
        self._is_due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Begin, if other processes can use the store."""
        if (wakes := self._log.wakes()) is not None:
            for work in (self._listen(wakes), self._work()):
                self._tasks.append(asyncio.create_task(work, name="relay runs", context=Context()))

    @property
    def is_open(self) -> bool:
        """Whether there are runs of other processes."""
        return bool(self._tasks)

    def watch(self, run_id: RunId, tail: Tail, after: Cursor) -> None:
        """Publish to the tail what the log gets after the cursor, which is that of one of its events."""
        if self._tasks and not tail.is_live:
            tail.relay(after)
            self._add([run_id])

    async def aclose(self) -> None:
        """End: nothing more is published."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks.clear()

    async def _listen(self, wakes: AsyncIterator[Wake]) -> None:
        async for wake in wakes:
            self._on_wake(wake)
            self._add(self._hub.relayed() if wake.events is None else wake.events)

    def _add(self, run_ids: Collection[RunId]) -> None:
        self._due.update(run_ids)
        self._is_due.set()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        reread_at = loop.time() + self._reread_s
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(reread_at):
                    await self._is_due.wait()
            due, self._due = self._due, set()
            self._is_due.clear()
            if loop.time() >= reread_at:
                due, reread_at = self._hub.relayed(), loop.time() + self._reread_s
            try:
                await self._relay(due)
            except StorageFailed as error:
                log.error("runs of other processes can't be read", exc_info=error)
            except Exception as error:  # whatever it is, their readers must not wait for ever
                log.error("runs of other processes can't be relayed", exc_info=error)

    async def _relay(self, run_ids: Collection[RunId]) -> None:
        tails = {each: tail for each in run_ids if (tail := self._hub.relayed_tail(each)) is not None}
        after = {run_id: tail.last for run_id, tail in tails.items()}
        if not tails:
            return
        found = await self._read(after)
        silent = []
        for run_id, tail in tails.items():
            if self._hub.relayed_tail(run_id) is not tail:  # it is executed here by now, or nobody reads it
                continue
            events = found.get(run_id)
            if events is None:  # each reader finds out by itself what it lacks
                self._hub.end_relay(run_id)
            elif events:
                self._publish(run_id, tail, events)
            else:
                silent.append(run_id)
        await self._end_ended(silent)

    async def _read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, Sequence[Event]]:
        """Return what each run's log has; a run with a gap is left out."""
        try:
            found = await self._log.read(after)
        except StreamGap:
            if len(after) == 1:
                return {}
            each = [await self._read({run_id: cursor}) for run_id, cursor in after.items()]
            return {run_id: events for some in each for run_id, events in some.items()}
        return {run_id: found.get(run_id, []) for run_id in after}

    def _publish(self, run_id: RunId, tail: Tail, events: Sequence[Event]) -> None:
        for attempt, some in groupby(events, attrgetter("attempt")):
            if attempt != tail.attempt:
                tail.relay_attempt(attempt)
            of_attempt = list(some)
            tail.mark_stored(of_attempt[-1].cursor)
            tail.publish(*of_attempt)
        if events[-1].is_last:
            self._hub.end_relay(run_id)

    async def _end_ended(self, run_ids: Sequence[RunId]) -> None:
        """Have the readers of runs that have ended or are gone look by themselves: the log lacks the end."""
        if not run_ids:
            return
        statuses = await self._runs.statuses(run_ids)
        for run_id in run_ids:
            status = statuses.get(run_id)
            if status is None or status.last is not None:
                self._hub.end_relay(run_id)
