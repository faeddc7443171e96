"""A checkpoint as LangGraph has it, from its row and those of the writes on it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple

from seltzer.stores.checkpoints.packing import insert_list
from seltzer.stores.checkpoints.partial_lists import PartialList
from seltzer.stores.checkpoints.spans import Path

KIND: Final = 3  # columns of a checkpoint's row, and of a write's
BLOB: Final = 4
LISTS: Final = 8


def in_order(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Choose a task's writes and order them as LangGraph does: by the tasks' paths, ids and indexes.

    Of several runs' writes to one index the first counts, but of LangGraph's special ones the last.
    """
    chosen: dict[tuple[str, int], tuple[Any, ...]] = {}
    for row in rows:  # oldest first
        task_id, idx = row[1], row[7]
        if idx < 0 or (task_id, idx) not in chosen:
            chosen[task_id, idx] = row
    return sorted(chosen.values(), key=lambda row: (row[2], row[1], row[7]))


def to_tuple(
    head: Sequence[Any],
    writes: Sequence[Any],
    values: Iterable[tuple[Any, Iterable[Path]]],
    lists: Sequence[PartialList],
) -> CheckpointTuple:
    """Put together what was found: the checkpoint's row and those of its writes, and the value of each.

    A value comes with the places of its lists, which are missing in it.
    """
    _, thread_id, namespace, _, _, checkpoint_id, parent_id, metadata, _ = head
    remaining = iter(lists)
    checkpoint, *others = [_complete(value, paths, remaining) for value, paths in values]
    place = {"thread_id": thread_id, "checkpoint_ns": namespace}
    return CheckpointTuple(
        {"configurable": {**place, "checkpoint_id": checkpoint_id}},
        cast("Checkpoint", checkpoint),
        cast("CheckpointMetadata", {} if metadata is None else json.loads(metadata)),
        {"configurable": {**place, "checkpoint_id": parent_id}} if parent_id else None,
        [(row[1], row[5], value) for row, value in zip(writes, others, strict=True)],
    )


def _complete(value: Any, paths: Iterable[Path], remaining: Iterator[PartialList]) -> Any:
    """Return the value with its lists, the next of the remaining ones, in their places."""
    for path in paths:
        value = insert_list(value, path, next(remaining).messages)
    return value
