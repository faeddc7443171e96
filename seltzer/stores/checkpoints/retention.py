"""Which of a thread's checkpoints are superfluous."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from langgraph.checkpoint.base import WRITES_IDX_MAP

ROOT: Final = ""
INPUT: Final = "input"  # LangGraph's sources of a checkpoint: a turn begins with it,
FORK: Final = "fork"  # it is a copy of its parent,
EDITED: Final = ("update", FORK)  # or a state was changed between two runs
INTERRUPT: Final = WRITES_IDX_MAP["__interrupt__"]  # the index of a question among a task's writes
KEPT: Final = 20  # how many checkpoints of a thread are kept at least,
SPARE: Final = 10  # and how many more there may be before they are looked through
KEPT_BESIDES: Final = 2  # of the graph itself, the state before the newest turn and the turn's first one


class Row(NamedTuple):
    """A checkpoint, without its content. seq is the order they were written in; parent_id may be gone."""

    seq: int
    namespace: str  # empty, or `node:task|node:task`; without a task where a subgraph keeps its own state
    source: str
    has_delta: bool  # a DeltaChannel's value is spread over it and those before it
    checkpoint_id: str = ""
    parent_id: str | None = None
    has_asked: bool = False  # a node has asked a question there, be it answered or not

    @property
    def is_lasting(self) -> bool:
        """Whether it is of a subgraph that keeps its own state from turn to turn."""
        return is_lasting(self.namespace)


def is_lasting(namespace: str) -> bool:
    """Return whether it is of a subgraph that keeps its own state from turn to turn."""
    return namespace != ROOT and ":" not in namespace


class Plan(NamedTuple):
    """What to delete of a thread's checkpoints.

    superfluous: these. settled: of these others, the results of tasks, which the states after them have.
    nearest: the next one that is kept after each of the superfluous. oldest: what is kept before it is kept
    for good.
    """

    superfluous: Sequence[int] = ()
    settled: Sequence[int] = ()
    nearest: Collection[int] = ()
    oldest: int = 0


def plan_pruning(
    rows: Sequence[Row], kept: int, forked: Collection[int] = (), *, turns: int | None = 1
) -> Plan:
    """Return what to delete of these: all of a thread's, or those since the oldest of an earlier plan."""
    roots = [row for row in rows if row.namespace == ROOT]
    doomed = superfluous(rows, kept, forked, turns=turns)
    oldest = roots[-kept].seq if len(roots) > kept else 0
    if any(row.has_delta for row in rows):
        return Plan(oldest=oldest)
    gone, parents = set(doomed), {row.parent_id for row in roots}
    settled = [
        row.seq for row in roots if row.seq < oldest and row.seq not in gone and row.checkpoint_id in parents
    ]
    return Plan(doomed, settled, _next_kept(rows, gone), oldest)


def superfluous(
    rows: Sequence[Row], kept: int, forked: Collection[int] = (), *, turns: int | None = 1
) -> list[int]:
    """Return the seqs of the checkpoints to delete.

    These are kept: the newest `kept` of the graph itself, and whatever its subgraphs wrote since the oldest
    of them; of the newest `turns` turns (None: of all), on all branches, the states with which they begin and
    end, those in which a question was asked, and those before and after an edit or a fork; those that active
    runs begin from (`forked`); where the turns of these and of the newest begin, and the states before them;
    of a subgraph that keeps its own state, the newest one before each of these. All, if the thread has
    DeltaChannels.
    """
    roots = [row for row in rows if row.namespace == ROOT]
    if len(roots) <= kept or any(row.has_delta for row in rows):
        return []
    oldest = roots[-kept].seq
    first = max((at for at, row in enumerate(roots) if row.source == INPUT), default=None)
    newest = roots[max(first - 1, 0) : first + 1] if first is not None else []
    kept_turns = _of_turns(roots, turns)
    begun = set()
    if turns is not None:
        there = [row for row in roots if row.seq >= oldest or row.seq in forked]
        begun = _beginnings(roots, [*there, *_begun(roots, turns)])
    stay = {*forked, *kept_turns, *begun, *(row.seq for row in newest)}
    ends = {oldest, *forked, *kept_turns, *begun, *(row.seq for row in newest[-1:])}
    stay |= _lasting_before(rows, ends)
    return [row.seq for row in rows if row.seq < oldest and row.seq not in stay]


def _begun(roots: Sequence[Row], turns: int | None) -> Sequence[Row]:
    """Return with what the newest turns begin."""
    begun = [row for row in roots if row.source == INPUT]
    return begun if turns is None else begun[-turns:]


def _of_turns(roots: Sequence[Row], turns: int | None) -> set[int]:
    """Return the seqs of what is kept of the newest turns, and of the state before them."""
    begun = _begun(roots, turns)
    if turns is not None and not begun:
        return set()
    since = 0 if turns is None else begun[0].seq
    before, parents = {row.parent_id for row in begun}, {row.parent_id for row in roots}
    edited = {row.parent_id for row in roots if row.source in EDITED}
    ends = [
        row.seq
        for row in roots
        if row.checkpoint_id in before
        or (row.seq >= since and row.checkpoint_id not in parents)  # a branch ends there
    ]
    changed = [
        row.seq
        for row in roots
        if row.seq >= since and (row.has_asked or row.source in EDITED or row.checkpoint_id in edited)
    ]
    return {*ends, *changed, *(row.seq for row in begun)}


def _beginnings(roots: Sequence[Row], there: Sequence[Row]) -> set[int]:
    """Return the seqs of where the turns of these begin, and of the states before.

    A turn that replaces another begins after that one's beginning, or after a copy of it.
    """
    by_id = {row.checkpoint_id: row for row in roots}
    found: set[int] = set()
    for each in there:
        row: Row | None = each
        while row is not None and row.source != INPUT:
            row = by_id.get(row.parent_id or "")
        while row is not None and row.seq not in found:
            found.add(row.seq)
            row = by_id.get(row.parent_id or "") if row.source in (INPUT, FORK) else None
    return found


def _next_kept(rows: Sequence[Row], doomed: Collection[int]) -> set[int]:
    """Return, for each of the doomed checkpoints, the next one of the graph itself that is kept."""
    found: set[int] = set()
    nearest: int | None = None
    for row in reversed(rows):
        if row.seq in doomed:
            found.update(() if nearest is None else (nearest,))
        elif row.namespace == ROOT:
            nearest = row.seq
    return found


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
    """Return the nearest kept ancestor of each kept checkpoint of the graph whose parent is deleted.

    It is a deleted one where a turn has begun: else what is left of the turn would be of the one before it.
    """
    roots = [row for row in rows if row.namespace == ROOT]
    gone = {row.checkpoint_id: row.parent_id for row in roots if row.seq in deleted and row.source != INPUT}
    found = {}
    for row in roots:
        if row.seq not in deleted and row.parent_id in gone:
            parent: str | None = row.parent_id
            while parent in gone:
                parent = gone[parent]
            found[row.seq] = parent
    return found


def described(metadata: Mapping[str, Any]) -> tuple[str, str, bool]:
    """Return a checkpoint's source, its run's id, and whether it has DeltaChannels."""
    source, run_id = metadata.get("source") or "", metadata.get("run_id") or ""
    return source, str(run_id), "counters_since_delta_snapshot" in metadata
