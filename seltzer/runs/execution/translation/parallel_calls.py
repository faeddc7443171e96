"""Marks the messages of models that one node calls at the same time: which one it keeps isn't known yet."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

PARALLEL: Final = "seltzer_parallel"  # in the metadata of a model's messages
_TASK: Final = "langgraph_checkpoint_ns"
_NOT_STREAMED: Final = "nostream"


class ParallelCalls:
    """Follows the model calls of a run, by the tasks that make them."""

    def __init__(self) -> None:
        self._active: defaultdict[str, dict[UUID, dict[str, Any]]] = defaultdict(dict)
        self._tasks: dict[UUID, str] = {}

    def begin(self, run_id: UUID, metadata: dict[str, Any] | None, tags: Collection[str] | None) -> None:
        """Note a call that begins; mark it, and those of its task that haven't ended."""
        if not metadata or _TASK not in metadata or _NOT_STREAMED in (tags or ()):
            return
        task = self._tasks[run_id] = metadata[_TASK]
        calls = self._active[task]
        calls[run_id] = metadata
        if len(calls) > 1:
            for each in calls.values():
                each[PARALLEL] = True

    def end(self, run_id: UUID) -> None:
        """Note that a call has ended."""
        task = self._tasks.pop(run_id, None)
        if task is None:
            return
        calls = self._active[task]
        calls.pop(run_id, None)
        if not calls:
            del self._active[task]
