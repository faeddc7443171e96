"""The parts of an answer, as shown to a person."""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Started:
    """The server has accepted the run: it continues without this client, and can be followed or cancelled."""

    run_id: str
    thread_id: str


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The agent calls a tool. args is the tool's arguments object, or the raw text if it isn't JSON."""

    name: str
    args: Any


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool's result."""

    name: str
    content: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Retracted:
    """The text shown so far was a step, not the answer."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The process that executed the run died, and another continues it: the answer's text starts again."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Interrupt:
    """A question that the graph asks before it continues."""

    id: str
    value: Any


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The graph waits for an answer to each of the interrupts: see `resume`. Nothing follows."""

    run_id: str
    thread_id: str
    interrupts: tuple[Interrupt, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is complete. Nothing follows."""

    run_id: str
    thread_id: str


Part: TypeAlias = Started | Token | ToolCall | ToolResult | Retracted | Restarted | Interrupted | Done


def interrupts_of(value: Any) -> tuple[Interrupt, ...]:
    """Read the wire's `[{id, value}]`."""
    return tuple(Interrupt(each["id"], each["value"]) for each in value)
