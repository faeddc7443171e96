"""The native protocol's bodies: they validate, and they are what /docs shows."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from seltzer.errors import InvalidInput
from seltzer.protocols.http.bodies.models import Config, Fields, ThreadId, checked
from seltzer.runs.run import OnBusy

TITLE_CHARS: Final = 200
MESSAGE_ID_CHARS: Final = 256
NODE_CHARS: Final = 256
_CHECKPOINT_ID: Final = re.compile("[A-Za-z0-9_-]{1,64}")


def check_checkpoint_id(value: object, field: str) -> str:
    """Return the value if it can name a checkpoint. Raises InvalidInput naming the field."""
    if isinstance(value, str) and _CHECKPOINT_ID.fullmatch(value):
        return value
    raise InvalidInput(field, "must be the id of a checkpoint, as the thread's history has it")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        raise ValueError("is empty")
    if len(line) > TITLE_CHARS:
        raise ValueError(f"is longer than {TITLE_CHARS} characters")
    return line


CheckpointId = Annotated[str, checked(check_checkpoint_id), WithJsonSchema({"type": "string"})]


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
