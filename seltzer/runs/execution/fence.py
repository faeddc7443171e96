"""A hold: what the checkpointer knows of the execution that writes; first of all, whether it has its lease.

A node may outlive the run's end: it swallowed its cancellation, or runs in a thread. What it writes then must
not reach the thread, on which the next run may be writing already.
"""

from typing import Final

HOLD: Final = "__seltzer_hold"  # its key in `configurable`; LangGraph keeps `__` keys out of metadata


class LeaseLost(Exception):
    """A write came after its run had ended, or had gone to another worker."""


class Hold:
    """Held from the beginning, until it is let go once and for all.

    is_thread_new: nothing was ever written to the thread; the checkpointer notes when that has changed.
    input_id: the checkpoint that holds the run's input, as long as no node but LangGraph's own has run on it.
    """

    __slots__ = ("input_id", "is_held", "is_thread_new")

    def __init__(self, *, is_thread_new: bool = False) -> None:
        self.is_held = True
        self.is_thread_new = is_thread_new
        self.input_id: str | None = None

    def let_go(self) -> None:
        self.is_held = False

    def check(self) -> None:
        """Raise LeaseLost if it was let go."""
        if not self.is_held:
            raise LeaseLost
