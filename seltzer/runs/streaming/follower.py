"""Following a run: its stored events from any cursor, then live ones, from memory or by the relay."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress

from seltzer.cursor import START, Cursor
from seltzer.errors import InvalidCursor, ServerDraining, StreamGap, UnknownRun
from seltzer.runs.event import TERMINAL_KINDS, Event, RunId
from seltzer.runs.ports import EventLog, Runs
from seltzer.runs.run import Run
from seltzer.runs.streaming.hub import Deliver, Hub, Tail
from seltzer.runs.streaming.relay import REREAD_S, Relay


class Follower:
    """Reads runs for all readers in this process.

    relay: publishes what other processes execute. executed: the run, if it is executed here.
    """

    def __init__(
        self,
        runs: Runs,
        event_log: EventLog,
        hub: Hub,
        relay: Relay,
        *,
        executed: Callable[[RunId], Run | None],
    ) -> None:
        self._runs = runs
        self._log = event_log
        self._hub = hub
        self._relay = relay
        self._executed = executed
        self._is_draining = False

    def drain(self) -> None:
        """Dismiss the readers of background runs, later ones too."""
        self._is_draining = True
        self._hub.wake_all()

    async def run(self, run_id: RunId) -> Run:
        """Return the run's current state. Raises UnknownRun."""
        run = await self._runs.get(run_id)
        if run is None:
            raise UnknownRun(f"there is no run {run_id!r}")
        return run

    async def check(self, run_id: RunId, after: Cursor) -> Run:
        """Return the run, or raise what following it would: UnknownRun, InvalidCursor, StreamGap."""
        run = await self.run_at(run_id, after)
        tail = self._hub.live_tail(run_id)
        if tail is None or after < tail.floor:
            await self._stored(run, after)
        return run

    async def run_at(self, run_id: RunId, after: Cursor) -> Run:
        """Return the run. Raises UnknownRun, and InvalidCursor for a cursor that no event of it can have."""
        run = await self.run(run_id)
        is_beyond = run.last is not None and after > run.last.cursor
        # Past the stored end of an attempt a cursor may be true all the same: a crash loses the last events.
        if after.attempt > run.attempt or is_beyond:
            raise InvalidCursor(f"run {run_id!r} has no event {after}")
        return run

    async def stored(self, run_id: RunId, after: Cursor) -> tuple[Run, Sequence[Event]]:
        """Return the run, and its stored events after the cursor. Raises what following it would."""
        run = await self.run_at(run_id, after)
        return run, await self._stored(run, after)

    async def batches(
        self, run_id: RunId, after: Cursor, deliver: Deliver | None = None
    ) -> AsyncGenerator[Sequence[Event]]:
        """Yield the run's events after the cursor, in batches as they arrive, ending with a terminal event.

        What deliver accepts while this waits isn't yielded.
        Raises what run_at() does; ServerDraining when readers are dismissed, but not amid an attached run;
        StreamGap, StorageFailed.
        """
        begun = self._executed(run_id) if after == START else None
        is_attached = (begun or await self.run_at(run_id, after)).spec.attached
        with self._hub.subscribe(run_id) as tail:
            while True:
                version, is_over = tail.version, False
                events = tail.read_after(after)
                if events is None:
                    events = await self._missed(run_id, after, tail)
                elif not events and not tail.is_live and not tail.error:
                    run = await self.run_at(run_id, after)
                    is_over = not run.is_active
                    events = await self._stored(run, after)
                if events:
                    last = events[-1]
                    after = last.cursor
                    yield events
                    is_over = last.kind in TERMINAL_KINDS
                if is_over:
                    return
                if not events:
                    if tail.error:
                        raise tail.error
                    if self._is_draining and not (is_attached and tail.is_executed):  # nothing begins now
                        raise ServerDraining("the server is shutting down; try again in a moment")
                    if not tail.is_live and self._relay.is_open:
                        after = await self._wait_elsewhere(run_id, tail, version, after, deliver)
                    else:
                        after = await tail.wait(version, after, deliver)

    async def _wait_elsewhere(
        self, run_id: RunId, tail: Tail, version: int, after: Cursor, deliver: Deliver | None
    ) -> Cursor:
        """Wait for what another process stores; return the cursor after what was delivered.

        A cursor that no stored event has, as a crash may leave one, is none to relay from: its reader looks
        again in a moment.
        """
        if await self._is_stored(run_id, after):
            if tail.is_live and after < tail.floor:  # since then, for another reader, who has read more
                return after
            self._relay.watch(run_id, tail, after)
            return await tail.wait(version, after, deliver)
        with suppress(TimeoutError):
            async with asyncio.timeout(REREAD_S):
                await tail.wait(version, after)
        return after

    async def _is_stored(self, run_id: RunId, cursor: Cursor) -> bool:
        if cursor.seq == 0:
            return cursor == START
        before = Cursor(cursor.attempt, cursor.seq - 1)
        with suppress(StreamGap):
            return (await self._log.read({run_id: before})).get(run_id, [])[:1] != []
        return False

    async def _missed(self, run_id: RunId, after: Cursor, tail: Tail) -> Sequence[Event]:
        """Return what the log has after the cursor, or else the tail's own attempt from its beginning.

        The log may have nothing: an attempt that died has lost its last events.
        """
        floor = tail.floor
        events = (await self._log.read({run_id: after})).get(run_id, [])
        if not events and floor.seq > 0:
            raise _gap(run_id)
        return events or tail.read_after(floor) or ()

    async def _stored(self, run: Run, after: Cursor) -> Sequence[Event]:
        """Return what is stored after the cursor: what the log has, and the end of an ended run from its row.

        Raises StreamGap if the log lacks more than that.
        """
        run_id, last = run.spec.run_id, run.last
        found = await self._log.read({run_id: after})
        events = found.get(run_id, [])
        reached = events[-1].cursor if events else after
        if last is None or reached >= last.cursor:
            return events
        if not _is_next(last.cursor, reached, is_logged=run_id in found):
            raise _gap(run_id)
        return [*events, last]


def _is_next(cursor: Cursor, after: Cursor, *, is_logged: bool) -> bool:
    """Return whether no event is between the two. is_logged: the log has the run, and nothing more of it."""
    if cursor.seq > 1:
        return cursor == (after.attempt, after.seq + 1)
    return is_logged or (cursor.attempt == 1 and after == START)


def _gap(run_id: RunId) -> StreamGap:
    return StreamGap(f"the events of run {run_id!r} after that cursor are no longer kept")
