"""The life of an attempt: the one state it is in, and the transitions between them.

CREATED ──prepare──> PREPARING ──run──> RUNNING ─┐
   └──────────────────────┴────────stop─────┤    ├──settle──> ENDING
                                        STOPPING ┘
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Literal

from seltzer.runs.execution.translation.translator import Emission


class Phase(Enum):
    """The phase of an attempt.

    CREATED: its task hasn't run its first step; if it were cancelled now, it never would.
    PREPARING: the graph's input is being read, the thread is untouched.
    RUNNING: the graph runs.
    STOPPING: the attempt was requested to end, and the graph is being cancelled.
    ENDING: how it ends is settled; nothing changes it any more.
    """

    CREATED = auto()
    PREPARING = auto()
    RUNNING = auto()
    STOPPING = auto()
    ENDING = auto()


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ends: the run's terminal event, and what becomes of its work.

    `keep` keeps the work in the thread; `roll_back` removes it; `hand_back` makes the run pending again,
    without a terminal event.
    """

    last: Emission
    work: Literal["keep", "roll_back", "hand_back"] = "keep"


class Lifecycle:
    """One attempt's state. has_run: this attempt or one before it may have written to the thread."""

    def __init__(self, *, has_run: bool = False) -> None:
        self.phase = Phase.CREATED
        self.has_run = has_run
        self._end: End | None = None

    @property
    def is_ending(self) -> bool:
        """Whether the attempt was requested to end, or has ended."""
        return self.phase in (Phase.STOPPING, Phase.ENDING)

    def prepare(self) -> bool:
        """Enter PREPARING; return False if the attempt was requested to end before its first step."""
        return self._advance(Phase.CREATED, Phase.PREPARING)

    def run(self) -> bool:
        """Enter RUNNING; return False if the attempt was requested to end meanwhile."""
        has_advanced = self._advance(Phase.PREPARING, Phase.RUNNING)
        self.has_run = self.has_run or has_advanced
        return has_advanced

    def stop(self, end: End) -> bool:
        """Request the attempt to end; return whether its task has to be cancelled for it.

        The first call decides how it ends; a later one may still have its work rolled back. Once it
        is ENDING, a call has no effect.
        """
        has_to_cancel = self.phase in (Phase.PREPARING, Phase.RUNNING)
        if self.phase is Phase.STOPPING and self._end is not None:
            if end.work == "roll_back" and self._end.work == "keep":
                self._end = replace(self._end, work="roll_back")
        elif self.phase is not Phase.ENDING:
            self.phase, self._end = Phase.STOPPING, end
        return has_to_cancel

    def settle(self, end: End) -> End:
        """Enter ENDING; return how the attempt ends: as requested, or else as its graph has ended."""
        self.phase, settled = Phase.ENDING, self._end or end
        self._end = settled
        return settled

    def _advance(self, before: Phase, after: Phase) -> bool:
        is_due = self.phase is before
        if is_due:
            self.phase = after
        return is_due
