"""The emitter: numbers and times what an attempt emits, and hands it to the run's readers and to the log."""

from collections.abc import Callable, Sequence
from typing import Final

from seltzer.cursor import Cursor
from seltzer.runs.event import Event, Json
from seltzer.runs.execution.fence import Fence
from seltzer.runs.execution.translation.translator import Emission
from seltzer.runs.run import AttemptStats, Lease
from seltzer.runs.streaming.flusher import Flusher, Writer
from seltzer.runs.streaming.hub import Tail


class Emitter:
    """One attempt's emitter. seq: the number of events so far; tokens: how many of them are `token`.

    Readers get an event at once, and the log a moment later. While the process's leases are stale, as it was
    stopped or cut off from the store, another one may have claimed the run: then readers get what the log has
    accepted, and nothing else.
    """

    def __init__(
        self,
        lease: Lease,
        tail: Tail,
        fence: Fence,
        flusher: Flusher,
        are_stale: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self.seq = 0
        self.tokens = 0
        self._first_token_at: int | None = None
        self._attempt: Final = lease.run.attempt
        self._clock = clock
        self._began_at: Final = clock()
        self._age_ms: Final = int(lease.age_s * 1000)
        self._tail = tail
        self._fence = fence
        self._append = flusher.append
        self._are_stale = are_stale
        self._held: list[Event] = []

    def emit(self, writer: Writer, emissions: Sequence[Emission]) -> None:
        """Emit these, unless the attempt's fence is revoked. writer: the attempt."""
        if not (emissions and self._fence.is_valid):  # abandoned, and its graph swallowed the cancellation
            return
        at = self._age_ms + int((self._clock() - self._began_at) * 1000)
        attempt, seq, events = self._attempt, self.seq, []
        for kind, data in emissions:
            seq += 1
            events.append(Event(attempt, seq, kind, data, at))
            if kind == "token":
                self.tokens += 1
                if self._first_token_at is None:
                    self._first_token_at = at
        self.seq = seq
        if self._held or self._are_stale():
            self._held += events
        else:
            self._tail.publish(*events)
        self._append(writer, *events)

    def last(self, emission: Emission) -> Event:
        """Return the terminal event, which the caller stores and publishes."""
        at = self._age_ms + int(self.duration_s * 1000)
        return Event(self._attempt, self.seq + 1, emission.kind, emission.data, at)

    @property
    def duration_s(self) -> float:
        """How long ago the attempt began."""
        return self._clock() - self._began_at

    def stats(self, usage: Json) -> AttemptStats:
        """Return what the attempt did up to now."""
        first = None if self._first_token_at is None else self._first_token_at - self._age_ms
        return AttemptStats(round(self.duration_s * 1000), first, self.tokens, usage)

    def was_stored(self, cursor: Cursor) -> None:
        """Note that the log has the events up to the cursor."""
        if self._held:
            self._release(cursor.seq)
        self._tail.mark_stored(cursor)

    def end(self) -> None:
        """Hand all to the readers: the store has accepted the run's end, and with it what was before."""
        if self._held:
            self._release(self.seq)

    def _release(self, upto_seq: int) -> None:
        count = sum(event.seq <= upto_seq for event in self._held)
        released, self._held = self._held[:count], self._held[count:]
        if released:
            self._tail.publish(*released)
