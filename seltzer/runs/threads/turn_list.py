"""The turns of a thread's newest branch: what each was given, and which runs have written it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson
from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.graph import START

from seltzer.errors import UnknownCheckpoint
from seltzer.runs.event import Json, RunId
from seltzer.runs.graph import AnyPregel
from seltzer.runs.jsonable import dumps
from seltzer.runs.messages.spellings import MESSAGES
from seltzer.runs.threads.lost_edits import EDIT
from seltzer.runs.threads.snapshots import off_loop
from seltzer.runs.threads.turns import read_checkpoint
from seltzer.runs.tree import FORK, INPUT, LOOP, UPDATE, CheckpointRef, turns

_CHANGED: Final = (UPDATE, FORK)


@dataclass(frozen=True, slots=True)
class Writer:
    """A run that has written a turn. is_whole: all of its steps are on this branch."""

    run_id: RunId
    is_whole: bool


@dataclass(frozen=True, slots=True)
class TurnInput:
    """What a turn was given: the ids of its messages, and the rest of it as JSON, None if there is none.

    is_omitted: the rest is too long to be shown.
    """

    message_ids: Sequence[str]
    rest: Json
    is_omitted: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn. checkpoint_id: with which it begins. is_edited: its state was updated by hand."""

    checkpoint_id: str
    input: TurnInput
    runs: Sequence[Writer]
    is_edited: bool


@dataclass(frozen=True, slots=True)
class TurnPage:
    """Some of a thread's turns, newest first. next_before: the next page is before it; None on the last."""

    turns: Sequence[Turn]
    next_before: str | None


async def read_turns(
    pregel: AnyPregel,
    thread_id: str,
    refs: Sequence[CheckpointRef],
    *,
    limit: int,
    before: str | None,
    limit_bytes: int,
) -> TurnPage:
    """Return at most limit of the turns; limit_bytes: how long their inputs may be together.

    before: only those before the turn that begins there. Raises UnknownCheckpoint if none does.
    """
    found = turns(refs)
    if before is not None:
        at = next((at for at, turn in enumerate(found) if turn[0].checkpoint_id == before), None)
        if at is None:
            raise UnknownCheckpoint(f"no turn of thread {thread_id!r} begins at checkpoint {before!r}")
        found = found[at + 1 :]
    shown = [await _read(pregel, thread_id, refs, turn, limit_bytes // limit) for turn in found[:limit]]
    return TurnPage(shown, shown[-1].checkpoint_id if len(found) > limit else None)


async def _read(
    pregel: AnyPregel,
    thread_id: str,
    refs: Sequence[CheckpointRef],
    turn: Sequence[CheckpointRef],
    limit_bytes: int,
) -> Turn:
    edits = set()
    for ref in turn:
        if ref.source in _CHANGED:
            stored = await read_checkpoint(pregel, thread_id, ref.checkpoint_id)
            if stored is not None and EDIT in stored.metadata:
                edits.add(ref.checkpoint_id)
    start = await read_checkpoint(pregel, thread_id, turn[0].checkpoint_id)
    return Turn(
        turn[0].checkpoint_id,
        await off_loop(partial(_input, start, limit_bytes)),
        writers(refs, turn, edits),
        any(ref.source == UPDATE and ref.checkpoint_id in edits for ref in turn),
    )


def writers(
    refs: Sequence[CheckpointRef], turn: Sequence[CheckpointRef], edits: set[str]
) -> Sequence[Writer]:
    """Return the runs that have written the turn, in their order. edits: the checkpoints written by hand.

    What is written by hand is the thread's newest run's, wherever it is. A turn that replaces another begins
    at the beginning of that one, whose run has written nothing of it.
    """
    here = [ref for ref in turn if ref.run_id and ref.checkpoint_id not in edits]
    ids = {ref.checkpoint_id for ref in turn}
    steps_elsewhere = {ref.run_id for ref in refs if ref.source == LOOP and ref.checkpoint_id not in ids}
    has_stepped = {ref.run_id for ref in here if ref.source == LOOP}
    has_written = {ref.run_id for ref in here if ref.source != INPUT} or {ref.run_id for ref in here}
    return [
        Writer(run_id, run_id not in steps_elsewhere)
        for run_id in dict.fromkeys(ref.run_id for ref in here)
        if run_id in has_stepped or (run_id in has_written and run_id not in steps_elsewhere)
    ]


def _input(start: CheckpointTuple | None, limit_bytes: int) -> TurnInput:
    given = start.checkpoint["channel_values"].get(START) if start else None
    messages, rest = _parts(given)
    data = dumps(rest)
    is_omitted = len(data) > limit_bytes
    ids = [each.id for each in messages if each.id]
    return TurnInput(ids, None if is_omitted else orjson.loads(data), is_omitted)


def _parts(given: Any) -> tuple[Sequence[BaseMessage], Any]:
    """Return the messages of an input, and what else it has."""
    if _are_messages(given):
        return given, None
    if isinstance(given, Mapping) and _are_messages(given.get(MESSAGES)):
        rest = {name: value for name, value in given.items() if name != MESSAGES}
        return given[MESSAGES], rest or None
    return (), given


def _are_messages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, BaseMessage) for each in value)
