"""Which of a thread's checkpoints are superfluous, and when to look for them."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

ROOT: Final = ""
KEPT_BESIDES: Final = 2  # of the graph itself, the state before the newest turn and the turn's first one
THREADS_LIMIT: Final = 10_000  # whose checkpoints are counted


class Row(NamedTuple):
    """A checkpoint, without its content. seq is the order they were written in; parent_id may be gone."""

    seq: int
    namespace: str  # empty, or `node:task|node:task`; without a task where a subgraph keeps its own state
    source: str
    has_delta: bool  # a DeltaChannel's value is spread over it and those before it
    checkpoint_id: str = ""
    parent_id: str | None = None

    @property
    def is_lasting(self) -> bool:
        """Whether it is of a subgraph that keeps its own state from turn to turn."""
        return is_lasting(self.namespace)


def is_lasting(namespace: str) -> bool:
    """Return whether it is of a subgraph that keeps its own state from turn to turn."""
    return namespace != ROOT and ":" not in namespace


def superfluous(
    rows: Sequence[Row], kept: int, forked: Collection[int] = (), *, turns: int | None = 1
) -> list[int]:
    """Return the seqs of the checkpoints to delete, given all of a thread's in order.

    These are kept: the newest `kept` of the graph itself, and whatever its subgraphs wrote since the oldest
    of them; the states with which the newest `turns` turns begin and end, on all branches, and the one before
    them (of None: of all turns); those that active runs begin from (`forked`); of a subgraph that keeps its
    own state, the newest one before each of these. All, if the thread has DeltaChannels.
    """
    roots = [row for row in rows if row.namespace == ROOT]
    if len(roots) <= kept or any(row.has_delta for row in rows):
        return []
    oldest = roots[-kept].seq
    first = max((at for at, row in enumerate(roots) if row.source == "input"), default=0)
    kept_turns = _of_turns(roots, turns)
    stay = {*forked, *kept_turns, *(row.seq for row in roots[max(first - 1, 0) : first + 1])}
    stay |= _lasting_before(rows, {oldest, roots[first].seq, *forked, *kept_turns})
    return [row.seq for row in rows if row.seq < oldest and row.seq not in stay]


def _of_turns(roots: Sequence[Row], turns: int | None) -> set[int]:
    """Return the seqs of the states with which the newest turns begin and end, and of the one before them."""
    begun = [row for row in roots if row.source == "input"]
    begun = begun if turns is None else begun[-turns:]
    if not begun:
        return set()
    before, parents = {row.parent_id for row in begun}, {row.parent_id for row in roots}
    ends = [
        row.seq
        for row in roots
        if row.checkpoint_id in before
        or (row.checkpoint_id not in parents and row.seq >= begun[0].seq)  # a branch ends there
    ]
    return {*ends, *(row.seq for row in begun)}


def _lasting_before(rows: Sequence[Row], ends: Collection[int]) -> set[int]:
    """Return the newest checkpoint before each of the ends, of each subgraph that keeps its own state."""
    found: set[int] = set()
    newest: dict[str, int] = {}
    for row in rows:
        if row.seq in ends:
            found.update(newest.values())
        if row.is_lasting:
            newest[row.namespace] = row.seq
    return found


def new_parents(rows: Sequence[Row], deleted: Collection[int]) -> dict[int, str | None]:
    """Return the nearest kept ancestor of each kept checkpoint of the graph whose parent is deleted."""
    roots = [row for row in rows if row.namespace == ROOT]
    gone = {row.checkpoint_id: row.parent_id for row in roots if row.seq in deleted}
    found = {}
    for row in roots:
        if row.seq not in deleted and row.parent_id in gone:
            parent: str | None = row.parent_id
            while parent in gone:
                parent = gone[parent]
            found[row.seq] = parent
    return found


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
