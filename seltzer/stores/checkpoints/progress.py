"""When to look for superfluous checkpoints, and among which."""

from collections import OrderedDict
from typing import Final, NamedTuple

THREADS_LIMIT: Final = 10_000  # whose progress is known


class Progress(NamedTuple):
    """How many checkpoints a thread may have, and from which seq on to look for superfluous ones."""

    checkpoints: int
    pruned_to: int = 0


class CheckpointCounts:
    """How many checkpoints the graph itself may have in each thread, for the most recently used threads."""

    def __init__(self, threads_limit: int = THREADS_LIMIT) -> None:
        self._limit = threads_limit
        self._threads: OrderedDict[str, Progress] = OrderedDict()

    def set(self, thread_id: str, count: int) -> None:
        """Set how many there are at most."""
        before = self._threads.get(thread_id, Progress(0))
        self._put(thread_id, before._replace(checkpoints=count))

    def set_pruned_to(self, thread_id: str, seq: int) -> None:
        """Set what pruned_to() returns."""
        before = self._threads.get(thread_id)
        if before is not None:
            self._put(thread_id, before._replace(pruned_to=max(seq, before.pruned_to)))

    def add(self, thread_id: str, *, is_first: bool) -> None:
        """Count one more. is_first: it has no parent, so that there was none before it."""
        before = self._threads.get(thread_id, Progress(0) if is_first else None)
        if before is not None:
            self.set(thread_id, before.checkpoints + 1)

    def forget(self, thread_id: str) -> None:
        """Drop what is known of the thread."""
        self._threads.pop(thread_id, None)

    def pruned_to(self, thread_id: str) -> int:
        """Return the seq of the oldest checkpoint that may have become superfluous; 0 if it isn't known."""
        return self._threads.get(thread_id, Progress(0)).pruned_to

    def may_exceed(self, thread_id: str, count: int) -> bool:
        """Return whether the thread may have more than that; one that isn't counted may."""
        return self._threads.get(thread_id, Progress(count + 1)).checkpoints > count

    def _put(self, thread_id: str, progress: Progress) -> None:
        self._threads[thread_id] = progress
        self._threads.move_to_end(thread_id)
        if len(self._threads) > self._limit:
            self._threads.popitem(last=False)
