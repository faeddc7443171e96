"""The native protocol's bodies and queries: they validate, and they are what /docs shows."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from seltzer.errors import InvalidInput
from seltzer.protocols.http.bodies.models import Config, Fields, ThreadId, checked, storable
from seltzer.runs.run import OnBusy

PAGE_LIMIT: Final = 100
QUERY_CHARS: Final = 200
TITLE_CHARS: Final = 200
MESSAGE_ID_CHARS: Final = 256
NODE_CHARS: Final = 256
KEY_CHARS: Final = 256
DEPTH_LIMIT: Final = 100
CHECKPOINT_FIELDS: Final = frozenset(
    {"checkpoint_id", "parent_checkpoint_id", "created_at", "run_id", "source", "step", "next", "interrupts"}
    | {"values"}
)
_CHECKPOINT_ID: Final = re.compile("[A-Za-z0-9_-]{1,64}")
_COUNT: Final = re.compile("[0-9]{1,3}")
_SWITCHES: Final = ("true", "false")
_INDEX: Final = re.compile("[0-9]{1,9}")
_CURSOR: Final = re.compile("[0-9]{1,18}")


def check_checkpoint_id(value: object, field: str) -> str:
    """Return the value if it can name a checkpoint. Raises InvalidInput naming the field."""
    if isinstance(value, str) and _CHECKPOINT_ID.fullmatch(value):
        return value
    raise InvalidInput(field, "must be the id of a checkpoint, as the thread's history has it")


def _page(text: object) -> int:
    if isinstance(text, str) and _COUNT.fullmatch(text) and 1 <= int(text) <= PAGE_LIMIT:
        return int(text)
    raise ValueError(f"must be an integer from 1 to {PAGE_LIMIT}")


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


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        raise ValueError("is empty")
    if len(line) > TITLE_CHARS:
        raise ValueError(f"is longer than {TITLE_CHARS} characters")
    return line


CheckpointId = Annotated[str, checked(check_checkpoint_id), WithJsonSchema({"type": "string"})]
PageSize = Annotated[
    int, BeforeValidator(_page), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": PAGE_LIMIT})
]


class StartBody(Fields):
    """Starts a run."""

    model_config = ConfigDict(json_schema_extra={"example": {"input": "what is the square root of 71?"}})

    input: Any = Field(
        default_factory=lambda: None,
        description="The graph's input; for a graph on messages also a string. Left out: the thread's last"
        " question is answered again, or the graph runs again from from_checkpoint or from_message.",
    )
    thread_id: ThreadId = Field(
        default_factory=str, description="The conversation to continue or to begin; left out: a new one."
    )
    config: Config = Field(default_factory=Config)
    context: dict[str, Any] = Field(
        default_factory=dict, description="The context that the graph declares; left out: its defaults."
    )
    on_busy: OnBusy = Field("reject", description="What to do while the thread has another run.")
    from_checkpoint: CheckpointId = Field(
        default_factory=str, description="The checkpoint of the thread to start from, instead of its newest."
    )
    from_message: Annotated[str, Field(min_length=1, max_length=MESSAGE_ID_CHARS)] = Field(
        default_factory=str,
        description="A message of the thread: start from where the turn that has added it began.",
    )


class ResumeBody(Fields):
    """Answers an interrupted run."""

    model_config = ConfigDict(json_schema_extra={"example": {"resume": True}})

    resume: Any = Field(default_factory=lambda: None, description="The answer: any JSON.")
    interrupt_id: str = Field(default_factory=str, description="Which interrupt it answers, of several.")
    answers: dict[str, Any] = Field(
        default_factory=dict, min_length=1, description="Instead of these: answers by interrupt id."
    )
    context: dict[str, Any] = Field(
        default_factory=dict, description="Another context; left out: that of the run that asked."
    )


class UpdateBody(Fields):
    """Updates a thread's state, as if a node had returned the values."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"values": {"messages": [{"type": "remove", "id": "message-1"}]}}}
    )

    values: Any = Field(
        default_factory=lambda: None,
        description="What the node returns. Messages as in an input; one with the id of a message that is"
        ' there replaces it, `{"type": "remove", "id": ..}` removes it.',
    )
    as_node: Annotated[str, Field(min_length=1, max_length=NODE_CHARS)] = Field(
        default_factory=str,
        description="The node, whose edges are run; left out: the one that has written last. `__end__`: none,"
        " and the turn ends there. `__copy__`, without values, makes the checkpoint the newest one again.",
    )
    checkpoint_id: CheckpointId = Field(
        default_factory=str, description="The checkpoint to update, which forks it, instead of the newest."
    )
    from_message: Annotated[str, Field(min_length=1, max_length=MESSAGE_ID_CHARS)] = Field(
        default_factory=str,
        description="Only with `__copy__`: a message, whose turn is taken back, and all that follows it.",
    )


class TitleBody(Fields):
    """Renames a thread."""

    model_config = ConfigDict(json_schema_extra={"example": {"title": "Square roots"}})

    title: Annotated[str, AfterValidator(_one_line)] = Field(
        description=f"1 to {TITLE_CHARS} characters; whitespace is joined to single spaces."
    )


class NoBody(Fields):
    """A body that may be left out, and has no fields."""


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
    cursor: Annotated[int, BeforeValidator(_before), WithJsonSchema({"type": "string"})] | None = Field(
        None, description="The next_cursor of the page before."
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
