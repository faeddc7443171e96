"""The hub: hands a fresh event to every reader of the process at once, from memory.

Each live run has a tail, its latest events; readers read the events after their cursors from it. What a tail
no longer has is in the log: an event leaves the tail only when it is stored.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias

from seltzer.cursor import START, Cursor
from seltzer.errors import AppError
from seltzer.runs.event import Event, RunId

TAIL_LIMIT: Final = 32  # events that a tail keeps at least, once it has had them

Deliver: TypeAlias = Callable[[Sequence[Event]], bool]
"""Delivers the next events of a waiting reader in its place: where they are published, without waking it.

Returns whether it has; otherwise the reader wakes, and finds them. What it raises, the reader raises. It is
offered what ends with a token: several other events are published in one turn of the loop, and waking sends
them together. It must not publish events itself.
"""


class _Waiter:
    """A reader that waits for events after a cursor."""

    __slots__ = ("attempt", "deliver", "seq", "woken")

    def __init__(self, after: Cursor, deliver: Deliver | None) -> None:
        self.attempt, self.seq = after
        self.deliver = deliver
        self.woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Tail:
    """The latest events of a run in this process, and who waits for more.

    attempt: whose events these are. floor: the tail has every event after it. is_live: they are published
    here as they come; otherwise a reader has to read the store. is_relayed: they come from the log: the run
    isn't executed here. error: why nothing more is published here.
    readers: their number. version grows with each change that a reader may wait for.
    """

    __slots__ = (
        "_events",
        "_stored_seq",
        "_waiters",
        "attempt",
        "error",
        "floor",
        "is_live",
        "is_relayed",
        "readers",
        "version",
    )

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._waiters: list[_Waiter] = []
        self.attempt = 0
        self._stored_seq = 0
        self.readers = 0
        self.floor: Cursor = START
        self.is_live = self.is_relayed = False
        self.error: AppError | None = None
        self.version = 0

    def begin(self, attempt: int) -> None:
        """Become live: the attempt's events follow. Those of earlier ones are in the log."""
        self._reset(START if attempt == 1 else Cursor(attempt, 0), attempt)
        self.is_relayed = False
        self.wake()

    def relay(self, after: Cursor) -> None:
        """Become live: the events after the cursor follow, as the log gets them."""
        self._reset(after, after.attempt)
        self.is_relayed = True

    def relay_attempt(self, attempt: int) -> None:
        """Go on with another attempt, from its beginning."""
        self._reset(START if attempt == 1 else Cursor(attempt, 0), attempt)

    def end(self, error: AppError | None = None) -> None:
        """Be live no longer; what is still in the tail stays for those who are reading it."""
        self.is_live, self.is_relayed, self.error = False, False, error
        self.wake()

    @property
    def last(self) -> Cursor:
        """The cursor of the last event that was published."""
        return self._events[-1].cursor if self._events else self.floor

    @property
    def is_executed(self) -> bool:
        """Whether the run is executed in this process."""
        return self.is_live and not self.is_relayed

    def publish(self, *events: Event) -> None:
        """Hand the events to the readers."""
        self._events += events
        self.wake()
        if len(self._events) >= 2 * TAIL_LIMIT:  # not before: a waiting reader is offered all of them
            self._trim()

    def mark_stored(self, cursor: Cursor) -> None:
        """Note that the log has the events up to the cursor. It may be an earlier attempt's."""
        if cursor.attempt == self.attempt:
            self._stored_seq = cursor.seq

    def read_after(self, cursor: Cursor) -> Sequence[Event] | None:
        """Return the events after the cursor; None if some of them are only in the log."""
        if cursor < self.floor:
            return None
        if cursor.attempt < self.attempt:
            return self._events[:]
        return self._events[cursor.seq - self.floor.seq :] if cursor.attempt == self.attempt else ()

    async def wait(self, version: int, after: Cursor, deliver: Deliver | None = None) -> Cursor:
        """Wait, without limit, for what deliver refuses; not at all if the version is another by now.

        A reader that waits has seen all that was published. Returns the cursor after what was delivered.
        """
        if self.version != version:
            return after
        waiter = _Waiter(after, deliver)
        self._waiters.append(waiter)
        try:
            await waiter.woken
        finally:
            waiter.deliver = None  # the waiter stays in the list until the next event: without its request
        return Cursor(waiter.attempt, waiter.seq)

    def wake(self) -> None:
        """Have the readers look again, except those whose events were delivered."""
        self.version += 1
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.woken.done():  # its reader is gone
                continue
            try:
                is_delivered = self._offer(waiter)
            except Exception as error:  # noqa: BLE001  # else it would end the run, whose error it isn't
                waiter.woken.set_exception(error)
                continue
            if is_delivered:
                self._waiters.append(waiter)
            else:
                waiter.woken.set_result(None)

    def _offer(self, waiter: _Waiter) -> bool:
        """Offer the waiter's events to its deliver; return whether it has delivered them."""
        deliver = waiter.deliver
        if deliver is None or not self.is_live or waiter.attempt != self.attempt:
            return False
        events = self._events[waiter.seq - self.floor.seq :]
        if not events or events[-1].kind != "token" or not deliver(events):
            return False
        waiter.seq = events[-1].seq
        return True

    def _reset(self, floor: Cursor, attempt: int) -> None:
        self._events.clear()
        self.floor, self.attempt, self._stored_seq = floor, attempt, floor.seq
        self.is_live, self.error = True, None

    def _trim(self) -> None:
        excess = len(self._events) - TAIL_LIMIT
        stored = self._stored_seq - self.floor.seq
        dropped = min(excess, stored)
        if dropped > 0:
            self.floor = self._events[dropped - 1].cursor
            del self._events[:dropped]


class Hub:
    """The tails of the runs that are executed or read in this process."""

    def __init__(self) -> None:
        self._tails: dict[RunId, Tail] = {}

    def open(self, run_id: RunId, attempt: int) -> Tail:
        """Return the run's tail, live from now on."""
        tail = self._tails.setdefault(run_id, Tail())
        tail.begin(attempt)
        return tail

    def close(self, run_id: RunId, attempt: int, error: AppError | None = None) -> None:
        """End the run's tail, if it is that attempt's; its readers get the error, if there is one."""
        tail = self.live_tail(run_id)
        if tail is not None and tail.attempt == attempt:
            tail.end(error)
            self._discard(run_id, tail)

    @property
    def readers(self) -> int:
        """How many readers follow runs in this process."""
        return sum(tail.readers for tail in self._tails.values())

    def wake(self, run_id: RunId) -> None:
        """Have the run's readers look again: its row has changed."""
        if tail := self._tails.get(run_id):
            tail.wake()

    def wake_all(self) -> None:
        """Have every reader look again."""
        for tail in self._tails.values():
            tail.wake()

    def live_tail(self, run_id: RunId) -> Tail | None:
        """Return the run's tail if it is live."""
        tail = self._tails.get(run_id)
        return tail if tail is not None and tail.is_live else None

    def relayed(self) -> set[RunId]:
        """Return the runs that are relayed."""
        return {run_id for run_id, tail in self._tails.items() if tail.is_relayed}

    def relayed_tail(self, run_id: RunId) -> Tail | None:
        """Return the run's tail if it is relayed."""
        tail = self._tails.get(run_id)
        return tail if tail is not None and tail.is_relayed else None

    def end_relay(self, run_id: RunId) -> None:
        """Relay the run no longer: its readers have what was published, and look by themselves for more."""
        if (tail := self.relayed_tail(run_id)) is not None:
            tail.end()
            self._discard(run_id, tail)

    @contextmanager
    def subscribe(self, run_id: RunId) -> Iterator[Tail]:
        """Read the run's tail until the block ends."""
        tail = self._tails.setdefault(run_id, Tail())
        tail.readers += 1
        try:
            yield tail
        finally:
            tail.readers -= 1
            if tail.is_relayed and not tail.readers:
                tail.end()
            self._discard(run_id, tail)

    def _discard(self, run_id: RunId, tail: Tail) -> None:
        if not tail.is_live and not tail.readers:
            self._tails.pop(run_id, None)
