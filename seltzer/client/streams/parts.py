"""What an answer is made of, as a person is shown it."""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Started:
    """The server has the run: it goes on there without us, and can be followed or cancelled."""

    run_id: str
    thread_id: str


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The agent calls a tool. args is the object given to it, or the raw text if it isn't JSON."""

    name: str
    args: Any


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool has answered."""

    name: str
    content: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Retracted:
    """The text shown so far was a step, not the answer."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The process that ran the graph died, and another goes on: the answer's text begins anew."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Interrupt:
    """One thing the graph asks before it goes on."""

    id: str
    value: Any


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The graph waits for an answer to each of the interrupts: `resume` gives it. Nothing follows."""

    run_id: str
    thread_id: str
    interrupts: tuple[Interrupt, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is whole. Nothing follows."""

    run_id: str
    thread_id: str


Part: TypeAlias = Started | Token | ToolCall | ToolResult | Retracted | Restarted | Interrupted | Done


def interrupts_of(value: Any) -> tuple[Interrupt, ...]:
    """Read the wire's `[{id, value}]`."""
    return tuple(Interrupt(each["id"], each["value"]) for each in value)
