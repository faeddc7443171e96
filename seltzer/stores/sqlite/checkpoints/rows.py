"""A checkpoint as LangGraph has it, from its row and those of what was written on it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple

from seltzer.stores.checkpoints.packing import Path, Unpacked, put_back
from seltzer.stores.sqlite.checkpoints.messages import Recalled


def by_rank(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Choose a task's writes and order them as LangGraph does.

    That is by path, id and index: `writes_sort_key()`, where LangGraph has it.
    Of several runs' writes to one index the first stands, but for LangGraph's special ones the last.
    """
    chosen: dict[tuple[str, int], tuple[Any, ...]] = {}
    for row in rows:  # oldest first
        task_id, idx = row[1], row[7]
        if idx < 0 or (task_id, idx) not in chosen:
            chosen[task_id, idx] = row
    return sorted(chosen.values(), key=lambda row: (row[2], row[1], row[7]))


def to_tuple(
    head: Sequence[Any], written: Sequence[Any], values: Sequence[Unpacked], recalled: Sequence[Recalled]
) -> CheckpointTuple:
    """Put together what was found: the checkpoint's row, those written on it, and what each of them holds."""
    _, thread_id, namespace, _, _, checkpoint_id, parent_id, about = head
    found = iter(recalled)
    checkpoint, *others = [_filled(value, lists, found) for value, lists in values]
    place = {"thread_id": thread_id, "checkpoint_ns": namespace}
    return CheckpointTuple(
        {"configurable": {**place, "checkpoint_id": checkpoint_id}},
        cast("Checkpoint", checkpoint),
        cast("CheckpointMetadata", {} if about is None else json.loads(about)),
        {"configurable": {**place, "checkpoint_id": parent_id}} if parent_id else None,
        [(row[1], row[5], value) for row, value in zip(written, others, strict=True)],
    )


def _filled(value: Any, lists: Mapping[Path, bytes], found: Iterator[Recalled]) -> Any:
    """Return the value with its lists, the next ones found, where they belong."""
    for path in lists:
        value = put_back(value, path, next(found).messages)
    return value
