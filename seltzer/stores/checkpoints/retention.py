"""Which of a thread's checkpoints are superfluous, and when to look for them."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

ROOT: Final = ""
KEPT_BESIDES: Final = 2  # of the graph itself, the state before the newest turn and the turn's first one
THREADS_LIMIT: Final = 10_000  # whose checkpoints are counted


class Row(NamedTuple):
    """A checkpoint, without its content. seq is the order they were written in."""

    seq: int
    namespace: str  # empty, or `node:task|node:task`; without a task where a subgraph keeps its own state
    source: str
    has_delta: bool  # a DeltaChannel's value is spread over it and those before it

    @property
    def is_lasting(self) -> bool:
        """Whether it is of a subgraph that keeps its own state from turn to turn."""
        return is_lasting(self.namespace)


def is_lasting(namespace: str) -> bool:
    """Return whether it is of a subgraph that keeps its own state from turn to turn."""
    return namespace != ROOT and ":" not in namespace


def superfluous(rows: Sequence[Row], kept: int, forked: Collection[int] = ()) -> list[int]:
    """Return the seqs of the checkpoints to delete, given all of a thread's in order.

    These are kept: the newest `kept` of the graph itself, and whatever its subgraphs wrote since the oldest
    of them; the state before the newest turn, and that turn's first one, by which it is found; those that
    active runs begin from (`forked`); of a subgraph that keeps its own state, the newest one before each of
    these. All, if the thread has DeltaChannels.
    """
    roots = [row for row in rows if row.namespace == ROOT]
    if len(roots) <= kept or any(row.has_delta for row in rows):
        return []
    oldest = roots[-kept].seq
    first = max((at for at, row in enumerate(roots) if row.source == "input"), default=0)
    stay = {*forked, *(row.seq for row in roots[max(first - 1, 0) : first + 1])}
    for end in (oldest, roots[first].seq, *forked):
        stay.update({row.namespace: row.seq for row in rows if row.is_lasting and row.seq < end}.values())
    return [row.seq for row in rows if row.seq < oldest and row.seq not in stay]


class CheckpointCounts:
    """How many checkpoints the graph itself may have in each thread, for the most recently used threads."""

    def __init__(self, threads_limit: int = THREADS_LIMIT) -> None:
        self._limit = threads_limit
        self._counts: OrderedDict[str, int] = OrderedDict()

    def set(self, thread_id: str, count: int) -> None:
        """Set how many there are at most."""
        self._counts[thread_id] = count
        self._counts.move_to_end(thread_id)
        if len(self._counts) > self._limit:
            self._counts.popitem(last=False)

    def add(self, thread_id: str, *, is_first: bool) -> None:
        """Count one more. is_first: it has no parent, so that there was none before it."""
        before = self._counts.get(thread_id, 0 if is_first else None)
        if before is not None:
            self.set(thread_id, before + 1)

    def forget(self, thread_id: str) -> None:
        """Drop the thread's count."""
        self._counts.pop(thread_id, None)

    def may_exceed(self, thread_id: str, count: int) -> bool:
        """Return whether the thread may have more than that; one that isn't counted may."""
        return self._counts.get(thread_id, count + 1) > count
