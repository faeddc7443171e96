"""A run on tape: its events, their bytes on the wire, and the parts a reader gets of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from seltzer.client import Cursor, Done, Part, Restarted, Retracted, Started, Token, ToolCall, ToolResult

RETRY = b"retry: 1000\n\n"
PING = b": ping\n\n"
DRAINING = b'event: draining\ndata: {"retry_after_ms": 1000}\n\n'


class Emission(NamedTuple):
    """One event."""

    cursor: Cursor
    kind: str
    data: Any

    @property
    def frame(self) -> bytes:
        data = json.dumps(self.data, ensure_ascii=False)
        return f"id: {self.cursor}\nevent: {self.kind}\ndata: {data}\n\n".encode()


def tape(*emissions: tuple[str, Any], attempt: int = 1) -> list[Emission]:
    """Return one attempt's events, numbered."""
    start = ("started", {"graph": "agent", "run_id": "r1", "thread_id": "t1", "attempt": attempt})
    return [Emission(Cursor(attempt, seq), *each) for seq, each in enumerate((start, *emissions), 1)]


def token(text: str, channel: str = "answer", message: str = "m1") -> tuple[str, Any]:
    return "token", {"message_id": message, "text": text, "channel": channel}


def call(args: str, name: str | None = None, call_id: str | None = None, index: int = 0) -> tuple[str, Any]:
    data = {"message_id": "m1", "index": index, "call_id": call_id, "name": name, "args": args}
    return "tool_call", data


def result(content: Any, call_id: str = "c1", name: str | None = None, status: str = "success") -> Any:
    return "tool_result", {"call_id": call_id, "name": name, "content": content, "status": status}


def retracted(message: str = "m1") -> tuple[str, Any]:
    return "retracted", {"message_id": message}


FINISHED: tuple[str, Any] = ("finished", {"usage": None, "duration_ms": 1})
MESSAGE: tuple[str, Any] = ("message", {"message_id": "m1", "node": "model", "namespace": [], "model": None})

# One run that has it all: text that was a step, two calls whose arguments come in pieces, odd characters.
WHOLE = tape(
    MESSAGE,
    token("Let me "),
    token("see"),
    retracted(),
    call('{"num', "double", "c1"),
    call('ber": 21}'),
    call("{}", "look", "c2", index=1),
    token("meanwhile", channel="step", message="m0"),
    ("update", {"node": "model", "namespace": [], "values": {}}),
    result("42"),
    result([{"text": "é"}], "c2"),
    ("checkpoint", {"checkpoint_id": "x"}),
    token("hidden", channel="step", message="m2"),
    token("It is\u2028 ", message="m3"),
    token("4", message="m3"),
    token("2 🥤.", message="m3"),
    FINISHED,
)
# The first attempt died on its way, and the second continued after its last step.
CRASHED = [
    *WHOLE[:16],
    *tape(("state", {"values": {"messages": []}}), token("It is 42."), FINISHED, attempt=2),
]
WHOLE_PARTS: list[Part] = [
    Started("r1", "t1"),
    Token("Let me "),
    Token("see"),
    Retracted(),
    ToolCall("double", {"number": 21}),
    ToolCall("look", {}),
    ToolResult("double", "42", is_error=False),
    ToolResult("look", '[{"text": "é"}]', is_error=False),
    Token("It is\u2028 "),
    Token("4"),
    Token("2 🥤."),
    Done("r1", "t1"),
]
CRASHED_PARTS: list[Part] = [
    *WHOLE_PARTS[:10],
    Restarted(2),
    Token("It is 42."),
    Done("r1", "t1"),
]


def after_cursor(emissions: Sequence[Emission], after: str) -> list[Emission]:
    """Return the events after the cursor."""
    if not after:
        return list(emissions)
    attempt, _, seq = after.partition("-")
    return [each for each in emissions if each.cursor > (int(attempt), int(seq))]


def body(emissions: Sequence[Emission]) -> bytes:
    return RETRY + b"".join(each.frame for each in emissions)
