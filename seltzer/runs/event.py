"""An event: one thing a run emitted. The contract between the engine and every protocol."""

from typing import Any, Final, Literal, NamedTuple, TypeAlias

from seltzer.cursor import Cursor

Json: TypeAlias = Any  # str, int, float, bool, None, list, dict with str keys
RunId: TypeAlias = str

Kind = Literal[
    "started",  # {graph, run_id, thread_id, attempt}
    "state",  # {values}, and {omitted} if the lists in them are not whole
    "message",  # {message_id, node, namespace, model, held}; held: its text may turn out not to be the answer
    "token",  # {message_id, text, channel: answer | step}; one a model chunk, never re-cut
    "reasoning",  # {message_id, text}
    "tool_call",  # {message_id, index, call_id, name, args}; args is a delta, call_id and name are sent once
    "tool_result",  # {call_id, name, content, status: success | error}
    "retracted",  # {message_id}: that message was not the answer after all
    "update",  # {node, namespace, values}
    "custom",  # {value}
    "checkpoint",  # {checkpoint_id}
    "interrupt",  # {interrupts: [{id, value}]}
    "finished",  # {usage, duration_ms}
    "failed",  # {code, message, retryable, retry_after_s}
    "cancelled",  # {}
    "interrupted",  # {interrupts}
]

TERMINAL_KINDS: Final = frozenset({"finished", "failed", "cancelled", "interrupted"})


class Event(NamedTuple):  # a frozen dataclass takes three times as long to create, and one is created a token
    """One thing a run emitted.

    seq counts 1, 2, 3 .. within an attempt, without gaps.
    data is JSON-ready; its shape by kind is beside Kind.
    at: when it was emitted, in milliseconds since the run was created; None if that isn't known.
    """

    attempt: int
    seq: int
    kind: Kind
    data: Json
    at: int | None = None

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.attempt, self.seq)

    @property
    def is_last(self) -> bool:
        return self.kind in TERMINAL_KINDS


def top_node(message: Json) -> str:
    """Return the outermost graph's node that a `message` event's message is from.

    A subgraph's messages have it in front of their namespace.
    """
    namespace: list[str] = message["namespace"]
    return namespace[0].partition(":")[0] if namespace else str(message["node"])
