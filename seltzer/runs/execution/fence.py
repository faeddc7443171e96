"""A fence: what the checkpointer sees of the attempt that writes; first of all, whether it has its lease.

A node may outlive the run's end: it swallowed its cancellation, or runs in a thread. What it writes then must
not reach the thread, on which the next run may be writing already.
"""

from typing import Final

from langgraph.checkpoint.base import CheckpointTuple

from seltzer.runs.event import RunId

FENCE: Final = "__seltzer_fence"  # its key in `configurable`; LangGraph keeps `__` keys out of metadata


class LeaseLost(Exception):
    """A write after its run had ended, or had been claimed by another worker."""


class Fence:
    """Valid from the beginning, until it is revoked once and for all.

    run_id, attempt: whose writes these are. A store of several processes checks that the run's row is running
    that attempt, in the statement that writes; without a run_id nothing but the revocation counts.
    is_thread_new: nothing was ever written to the thread; the checkpointer notes when that has changed.
    input_id: the checkpoint with the run's input, as long as no node but LangGraph's own has run on it.
    has_lasting: a subgraph has written to a state that it keeps from turn to turn.
    ahead: what the attempt has read already, by the place it was read from, for the graph's first read of it.
    """

    __slots__ = ("ahead", "attempt", "has_lasting", "input_id", "is_thread_new", "is_valid", "run_id")

    def __init__(self, run_id: RunId = "", attempt: int = 0, *, is_thread_new: bool = False) -> None:
        self.run_id = run_id
        self.attempt = attempt
        self.is_valid = True
        self.is_thread_new = is_thread_new
        self.has_lasting = False
        self.input_id: str | None = None
        self.ahead: dict[tuple[str, str | None], CheckpointTuple | None] = {}

    def revoke(self) -> None:
        self.is_valid = False

    def check(self) -> None:
        """Raise LeaseLost if it was revoked."""
        if not self.is_valid:
            raise LeaseLost
