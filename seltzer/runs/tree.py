"""A thread's checkpoints as a tree: each run continues a branch, or begins one where it forks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

INPUT: Final = "input"  # the source of a checkpoint that a turn begins with
LOOP: Final = "loop"  # that of one after a step of the graph
UPDATE: Final = "update"  # that of a change between two runs, or at the end of one that was stopped
FORK: Final = "fork"  # that of a copy, which follows what it is a copy of


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """A checkpoint of the graph itself, without its content.

    source is LangGraph's: input, loop, update or fork. run_id is empty where no run has written it. A
    parent that isn't kept any more has begun a turn.
    """

    checkpoint_id: str
    parent_id: str | None
    source: str
    run_id: str


def branch(refs: Sequence[CheckpointRef], leaf: str | None = None) -> list[CheckpointRef]:
    """Return the leaf and its ancestors as far as they are kept, newest first.

    refs: all of a thread's, in the order of writing. Without a leaf that is the one written last.
    """
    by_id = {ref.checkpoint_id: ref for ref in refs}
    ref = refs[-1] if leaf is None and refs else by_id.get(leaf or "")
    found = []
    while ref is not None:
        found.append(ref)
        ref = by_id.get(ref.parent_id or "")
    return found


def turn_starts(refs: Sequence[CheckpointRef]) -> list[CheckpointRef]:
    """Return the checkpoints with which the turns of the thread's newest branch begin, newest first."""
    return [ref for ref in branch(refs) if ref.source == INPUT]


def turns(refs: Sequence[CheckpointRef]) -> list[Sequence[CheckpointRef]]:
    """Return the turns of the thread's newest branch, newest first: the checkpoints of each, oldest first.

    One that was replaced before its first step isn't there, as nothing of it is in the state.
    """
    found: list[Sequence[CheckpointRef]] = []
    turn: list[CheckpointRef] = []
    for ref in branch(refs):
        turn.append(ref)
        if ref.source != INPUT:
            continue
        if not found or any(each.source in (LOOP, UPDATE) for each in turn):
            found.append(turn[::-1])
        turn = []
    return found


def state_before(refs: Sequence[CheckpointRef], start: str) -> str | None:
    """Return the checkpoint that has the state before the turn that begins at start; None if there is none.

    A turn that replaces another begins after the other's input, or after a copy of that. They are passed
    over: the other's message is still to be read there.
    """
    before = branch(refs, start)[1:]
    while before:
        origin = next((ref for ref in before if ref.source != FORK), None)
        if origin is None or origin.source != INPUT:
            return before[0].checkpoint_id
        before = before[before.index(origin) + 1 :]
    return None


def leaves(refs: Sequence[CheckpointRef]) -> list[CheckpointRef]:
    """Return the last checkpoint of each branch, the one written last first."""
    parents = {ref.parent_id for ref in refs}
    return [ref for ref in reversed(refs) if ref.checkpoint_id not in parents]


def forked_from(refs: Sequence[CheckpointRef], leaf: CheckpointRef) -> str | None:
    """Return the nearest ancestor that another branch continues too; None if there is none."""
    counts = Counter(ref.parent_id for ref in refs)
    ancestors = branch(refs, leaf.checkpoint_id)[1:]
    return next((ref.checkpoint_id for ref in ancestors if counts[ref.checkpoint_id] > 1), None)
