"""A hold: whether an execution still has its lease, asked by the checkpointer before each write.

A node may outlive the run's end: it swallowed its cancellation, or runs in a thread. What it writes then must
not reach the thread, on which the next run may be writing already.
"""

from typing import Final

HOLD: Final = "__seltzer_hold"  # its key in `configurable`; LangGraph keeps `__` keys out of metadata


class LeaseLost(Exception):
    """A write came after its run had ended, or had gone to another worker."""


class Hold:
    """Held from the beginning, until it is let go once and for all."""

    __slots__ = ("is_held",)

    def __init__(self) -> None:
        self.is_held = True

    def let_go(self) -> None:
        self.is_held = False

    def check(self) -> None:
        """Raise LeaseLost if it was let go."""
        if not self.is_held:
            raise LeaseLost
