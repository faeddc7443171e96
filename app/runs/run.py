"""A run: one execution of a graph on a thread."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from app.errors import InvalidInput
from app.runs.event import Json, RunId

Status = Literal["pending", "running", "success", "error", "interrupted", "cancelled"]

STATUS_OF_LAST: Final[dict[str, Status]] = {
    "finished": "success",
    "failed": "error",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}

MAX_STEPS: Final = 50
_THREAD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What to run.

    input is the graph's own (for a graph on messages `{"messages": [BaseMessage, ..]}`).
    An attached run lives and dies with the request that started it. configurable is handed to the graph as
    it is.
    """

    graph: str
    input: Any
    thread_id: str
    run_id: RunId
    attached: bool = False
    max_steps: int = MAX_STEPS
    configurable: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands now. output is the graph's result as JSON, once status is success."""

    spec: RunSpec
    status: Status
    attempt: int
    created_at: datetime
    output: Json = None


def check_thread_id(value: object, field: str) -> str:
    """Return the value if it can name a thread. Raises InvalidInput naming the field."""
    if isinstance(value, str) and _THREAD_ID.fullmatch(value):
        return value
    raise InvalidInput(
        field, "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -, beginning with a letter or digit"
    )


def check_max_steps(value: object, field: str) -> int:
    """Return the value if a run may take that many steps. Raises InvalidInput naming the field."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_STEPS:
        return value
    raise InvalidInput(field, f"must be an integer from 1 to {MAX_STEPS}")
