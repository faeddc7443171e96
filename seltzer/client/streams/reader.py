"""Turns a run's events into the parts of its answer, across repeated events and new attempts.

Independent of HTTP and of the engine: an event is a kind, data and a cursor, from any source.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from seltzer.client.errors import AnswerCutOff, ServerError
from seltzer.client.streams.parts import (
    Done,
    Interrupted,
    Part,
    Restarted,
    Retracted,
    Started,
    Token,
    ToolCall,
    ToolResult,
    interrupts_of,
)
from seltzer.cursor import Cursor
from seltzer.errors import InvalidCursor

TERMINAL_KINDS: Final = frozenset({"finished", "failed", "cancelled", "interrupted"})


def parse_cursor(text: str) -> Cursor | None:
    """Read `attempt-seq`; None if it isn't one."""
    try:
        return Cursor.parse(text)
    except InvalidCursor:
        return None


class Reading:
    """Builds a run's answer. cursor is the last event read; is_over: there is nothing more to read.

    run_id, if the run exists already. after: the events up to this cursor were read elsewhere.
    """

    def __init__(self, run_id: str = "", after: Cursor | None = None) -> None:
        self.cursor = after
        self.run_id = run_id
        self.thread_id = ""
        self.is_over = False
        self._has_begun = False
        self._text: list[str] = []
        self._unconfirmed: dict[str, list[str]] = {}  # messages that may turn out not to be the answer
        self._is_retracted = False  # but what comes next may be the same words again
        self._state_answer = ""
        self._calls = _Calls()

    @property
    def text(self) -> str:
        """The answer's text so far, from the latest attempt."""
        return "".join(self._text)

    def begin(self, run_id: str, thread_id: str) -> Iterator[Part]:
        """Set the run's ids; yields Started the first time."""
        if not self._has_begun:
            self._has_begun, self.run_id, self.thread_id = True, run_id, thread_id
            yield Started(run_id, thread_id)

    def take(self, kind: str, data: Any, cursor: Cursor) -> Iterator[Part]:
        """Yield what the event adds to the answer; an event that was read before adds nothing.

        Raises ServerError for a run that ended without an answer, AnswerCutOff if events are missing.
        """
        last = self.cursor or Cursor(0, 0)
        if cursor <= last:
            return
        if cursor.seq != (last.seq + 1 if cursor.attempt == last.attempt else 1):
            raise self.cut_off(f"the events between {last} and {cursor} are missing")
        self.cursor = cursor
        if kind == "tool_call":
            self._calls.gather(data)
            return
        if kind != "started":
            for call in self._calls.completed(data.get("message_id")):
                yield from self._retract()
                yield call
        if kind in TERMINAL_KINDS:
            yield from self.end(kind, data)
        elif kind == "started":
            yield from self._start(data, is_again=last.attempt > 0)
        else:
            yield from self._add(kind, data)

    def end(self, kind: str, data: Any) -> Iterator[Part]:
        """Yield the parts of a terminal event. Raises ServerError if the run ended without an answer."""
        self.is_over = True
        match kind:
            case "finished":
                for texts in self._unconfirmed.values():  # only the end confirms these as the answer
                    yield from self._confirmed("".join(texts))
                yield from self._retract()
                if self._state_answer and not self._text:  # its step had finished before the process died
                    yield from self._token(self._state_answer)
                yield Done(self.run_id, self.thread_id)
            case "interrupted":
                yield from self._retract()
                yield Interrupted(self.run_id, self.thread_id, interrupts_of(data["interrupts"]))
            case "cancelled":
                yield from self._retract()
                raise ServerError("run_cancelled", 409, "The run was cancelled.")
            case _:
                yield from self._retract()
                raise ServerError(data["code"], 500, data["message"], data.get("retry_after_s"))

    def cut_off(self, reason: str) -> AnswerCutOff:
        """Return the error with the text that had arrived."""
        cursor = "" if self.cursor is None else str(self.cursor)
        return AnswerCutOff(self.text, reason, run_id=self.run_id, cursor=cursor)

    def _start(self, data: Any, *, is_again: bool) -> Iterator[Part]:
        yield from self.begin(data["run_id"], data["thread_id"])
        if is_again:
            self._text.clear()
            self._unconfirmed.clear()
            self._is_retracted = False
            self._calls = _Calls()
            yield Restarted(data["attempt"])

    def _add(self, kind: str, data: Any) -> Iterator[Part]:
        match kind:
            case "message":
                if data.get("held"):
                    self._unconfirmed[data["message_id"]] = []
            case "token" if data["channel"] == "answer":
                if (texts := self._unconfirmed.get(data["message_id"])) is not None:
                    texts.append(data["text"])
                else:
                    yield from self._retract()
                    yield from self._token(data["text"])
            case "retracted":
                if self._unconfirmed.pop(data["message_id"], None) is None:
                    self._is_retracted = True
            case "tool_result":
                yield from self._retract()
                name = data["name"] or self._calls.names.get(data["call_id"], "")
                yield ToolResult(name, _text(data["content"]), data["status"] == "error")
            case "state":
                self._state_answer = _answer_in(data["values"])

    def _confirmed(self, text: str) -> Iterator[Part]:
        self._is_retracted = bool(self._text) and not text.startswith(self.text)
        yield from self._retract()
        if text := text.removeprefix(self.text):
            yield from self._token(text)

    def _retract(self) -> Iterator[Part]:
        if self._is_retracted:
            self._is_retracted = False
            self._text.clear()
            yield Retracted()

    def _token(self, text: str) -> Iterator[Part]:
        self._text.append(text)
        yield Token(text)


@dataclass(slots=True)
class _Call:
    """A tool call whose arguments are still arriving."""

    name: str = ""
    args: str = ""


@dataclass(slots=True)
class _Calls:
    """Assembles tool calls from their deltas: a call is complete at the next event of another kind."""

    open: dict[tuple[str, int], _Call] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def gather(self, data: Any) -> None:
        call = self.open.setdefault((data["message_id"], data["index"]), _Call())
        call.name += data["name"] or ""
        call.args += data["args"] or ""
        if data["call_id"]:
            self.names[data["call_id"]] = call.name

    def completed(self, message_id: str | None) -> Iterator[ToolCall]:
        """Yield the calls that an event completes: those of its message, or all if it has none."""
        for key in list(self.open):
            if message_id in (None, key[0]):
                call = self.open.pop(key)
                yield ToolCall(call.name, _parsed(call.args))


def _parsed(args: str) -> Any:
    try:
        return json.loads(args)
    except ValueError:
        return args


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _answer_in(values: Any) -> str:
    """Return the text of the state's last message, if it is an AI message that is an answer."""
    messages = values.get("messages") if isinstance(values, dict) else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, dict) or last.get("type") != "ai" or last.get("tool_calls"):
        return ""
    content = last.get("content")
    if isinstance(content, list):
        return "".join(each if isinstance(each, str) else each.get("text") or "" for each in content)
    return content if isinstance(content, str) else ""
