"""The native protocol's queries: they validate, and they are what /docs shows."""

import re
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from seltzer.protocols.http.bodies.models import Fields, ThreadId, storable
from seltzer.protocols.native.bodies import CheckpointId
from seltzer.runs.run import STATUSES, Status

PAGE_LIMIT: Final = 100
LOG_LIMIT: Final = 10_000
QUERY_CHARS: Final = 200
KEY_CHARS: Final = 256
GRAPH_CHARS: Final = 256
DEPTH_LIMIT: Final = 100
CHECKPOINT_FIELDS: Final = frozenset(
    {"checkpoint_id", "parent_checkpoint_id", "created_at", "run_id", "source", "step", "next", "interrupts"}
    | {"values"}
)
_COUNT: Final = re.compile("[0-9]{1,5}")
_SWITCHES: Final = ("true", "false")
_INDEX: Final = re.compile("[0-9]{1,9}")
_CURSOR: Final = re.compile("[0-9]{1,18}")


def _at_most(limit: int) -> Callable[[object], int]:
    def validate(text: object) -> int:
        if isinstance(text, str) and _COUNT.fullmatch(text) and 1 <= int(text) <= limit:
            return int(text)
        raise ValueError(f"must be an integer from 1 to {limit}")

    return validate


def _index(text: object) -> int:
    if isinstance(text, str) and _INDEX.fullmatch(text):
        return int(text)
    raise ValueError("must be the index of an item: an integer from 0")


def _before(text: object) -> int:
    if isinstance(text, str) and _CURSOR.fullmatch(text):
        return int(text)
    raise ValueError("must be the next_cursor of a page before")


def _selected(text: object) -> frozenset[str]:
    names = frozenset(text.split(",")) if isinstance(text, str) else frozenset({""})
    if names <= CHECKPOINT_FIELDS:
        return names
    raise ValueError(f"must be some of {', '.join(sorted(CHECKPOINT_FIELDS))}, with commas")


def _depth(text: object) -> bool | int:
    if text in _SWITCHES:
        return text == "true"
    if isinstance(text, str) and _COUNT.fullmatch(text) and int(text) <= DEPTH_LIMIT:
        return int(text)
    raise ValueError(f"must be true, false or a depth: an integer from 0 to {DEPTH_LIMIT}")


def _switch(text: object) -> bool:
    if text in _SWITCHES:
        return text == "true"
    raise ValueError("must be true or false")


def _statuses(text: object) -> frozenset[str]:
    names = frozenset(text.split(",")) if isinstance(text, str) else frozenset({""})
    if names <= frozenset(STATUSES):
        return names
    raise ValueError(f"must be some of {', '.join(STATUSES)}, with commas")


PageSize = Annotated[
    int,
    BeforeValidator(_at_most(PAGE_LIMIT)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": PAGE_LIMIT}),
]
PageCursor = Annotated[int, BeforeValidator(_before), WithJsonSchema({"type": "string"})]


class EventsQuery(Fields):
    """Where to begin to read."""

    after: str = Field(
        default_factory=str, description="Only events after this one.", json_schema_extra={"example": "1-17"}
    )


class ThreadsQuery(Fields):
    """A page of threads."""

    q: Annotated[str, AfterValidator(storable)] = Field(
        default_factory=str, max_length=QUERY_CHARS, description="Only threads whose title contains this."
    )
    limit: PageSize = 20
    cursor: PageCursor | None = Field(None, description="The next_cursor of the page before.")


class GraphRunsQuery(Fields):
    """A page of a graph's runs."""

    status: Annotated[
        frozenset[Status],
        BeforeValidator(_statuses),
        WithJsonSchema({"type": "string", "example": "running,pending"}),
    ] = Field(
        default_factory=lambda: frozenset(STATUSES),
        description=f"Only runs of these statuses, with commas or repeated: {', '.join(STATUSES)}.",
    )
    thread_id: ThreadId = Field(default_factory=str, description="Only runs on this thread.")
    limit: PageSize = 50
    cursor: PageCursor | None = Field(None, description="The next_cursor of the page before.")


class RunsQuery(GraphRunsQuery):
    """A page of runs."""

    graph: Annotated[str, Field(min_length=1, max_length=GRAPH_CHARS), AfterValidator(storable)] = Field(
        default_factory=str, description="Only runs of this graph."
    )


class LogQuery(EventsQuery):
    """A page of a run's stored events."""

    limit: Annotated[
        int,
        BeforeValidator(_at_most(LOG_LIMIT)),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LOG_LIMIT}),
    ] = 1_000
    joined: Annotated[bool, BeforeValidator(_switch), WithJsonSchema({"type": "boolean"})] = Field(
        default=False, description="Pieces of one text or call that follow one another are one event."
    )


class StateQuery(Fields):
    """Which of a thread's states, and how much of it."""

    checkpoint_id: CheckpointId = Field(
        default_factory=str, description="The checkpoint to look at, instead of the newest."
    )
    limit: PageSize | None = Field(
        None, description="How many items of each list, such as its messages: the last ones."
    )
    key: Annotated[str, Field(min_length=1, max_length=KEY_CHARS), AfterValidator(storable)] = Field(
        default_factory=str, description="Only this key of the state."
    )
    before: Annotated[int, BeforeValidator(_index), WithJsonSchema({"type": "integer"})] | None = Field(
        None, description="Of the key's list only the items before this index, such as one in `omitted`."
    )


class BranchesQuery(Fields):
    """A thread's newest branches."""

    limit: PageSize = 20


class TurnsQuery(Fields):
    """A page of a thread's turns."""

    limit: PageSize = 20
    before: CheckpointId = Field(
        default_factory=str, description="Only turns before this one: the next_before of the page before."
    )


class HistoryQuery(Fields):
    """A page of a thread's earlier states."""

    limit: PageSize = 10
    before: CheckpointId = Field(
        default_factory=str,
        description="Only states older than this checkpoint, such as the next_before of the page before.",
    )
    select: Annotated[
        frozenset[str],
        BeforeValidator(_selected),
        WithJsonSchema({"type": "string", "example": "run_id,next"}),
    ] = Field(
        default_factory=lambda: CHECKPOINT_FIELDS,
        description="The fields to return, with commas; a state's `values` may be long.",
    )


class DrawingQuery(Fields):
    """How much of a graph is drawn."""

    xray: Annotated[
        bool | int, BeforeValidator(_depth), WithJsonSchema({"type": "string", "example": "true"})
    ] = Field(
        default=False, description="Whether sub-graphs are unfolded: `true`, or down to how many levels."
    )
