"""What an observer of this process's runs is called with: metrics, logs and traces are made of it.

Its methods are called in the event loop, while runs are executed: none may wait. What they raise is logged.
Nothing is called for a token.
"""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from seltzer.runs.event import Event
from seltzer.runs.run import Run

log = logging.getLogger(__name__)


class Stored(NamedTuple):
    """A flush of the log: of how many runs how many events were stored, and in what time."""

    runs: int
    events: int
    duration_s: float


class Observer(Protocol):
    """One that observes the runs which this process executes."""

    def run_began(self, run: Run) -> None:
        """Note that an attempt at the run has begun here; its row as it was then."""
        ...

    def run_ended(self, run: Run, last: Event | None) -> None:
        """Note that the run has ended, or the attempt at it: then last is None.

        Of a run that never began, too. An attempt ends without its run when it is handed back, when another
        process has the run now, or when its end can't be stored.
        """
        ...

    def batch_stored(self, stored: Stored) -> None:
        """Note that a batch of events was stored."""
        ...


class Observers:
    """Several observers, none of which disturbs a run."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def __bool__(self) -> bool:
        return bool(self._observers)

    def run_began(self, run: Run) -> None:
        self._call(lambda each: each.run_began(run))

    def run_ended(self, run: Run, last: Event | None) -> None:
        self._call(lambda each: each.run_ended(run, last))

    def batch_stored(self, stored: Stored) -> None:
        self._call(lambda each: each.batch_stored(stored))

    def _call(self, call: Callable[[Observer], None]) -> None:
        for each in self._observers:
            try:
                call(each)
            except Exception as error:
                log.error("an observer failed", exc_info=error)
