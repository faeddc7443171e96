"""How an answer is shown: text with its steps beside it, or lines of JSON."""

import json
import sys
from dataclasses import asdict
from typing import Any, Final, Protocol

from rich.console import Console
from rich.text import Text

from seltzer.client import (
    ANEW,
    Done,
    Interrupted,
    Part,
    Restarted,
    Retracted,
    Seamless,
    Started,
    Token,
    ToolCall,
    ToolResult,
)

STEP_CHARS: Final = 500
_CONTROLS: Final = {
    **{code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"},
    **dict.fromkeys(range(127, 160), "\N{REPLACEMENT CHARACTER}"),
}
_KINDS: Final = {
    Started: "started",
    Token: "token",
    ToolCall: "tool_call",
    ToolResult: "tool_result",
    Retracted: "retracted",
    Restarted: "restarted",
    Interrupted: "interrupted",
    Done: "done",
}


class Screen(Protocol):
    """Where an answer is shown. Raises OSError when stdout can't be written."""

    def show(self, part: Part) -> None: ...

    def note(self, text: str) -> None:
        """Print a remark on the answer."""

    def fail(self, code: str, message: str) -> None:
        """Print why there is no complete answer."""

    def end(self) -> None:
        """End the answer, complete or not: what follows starts on a new line."""


class TextScreen:
    """The answer on stdout as it arrives, the steps dimmed on stderr.

    separator follows every token. Retracted text stays, and the answer starts again on a new line. On a
    terminal control characters are drawn, so that a model can't move the cursor or write to the clipboard.
    """

    def __init__(self, separator: str = "") -> None:
        self._separator = separator
        self._seamless = Seamless()
        self._is_terminal = sys.stdout.isatty()
        self._steps = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._style = "" if self._steps.no_color or self._steps.is_dumb_terminal else "dim"
        self._is_mid_line = False

    def show(self, part: Part) -> None:
        for shown in self._seamless.take(part):
            self._show(shown)

    def note(self, text: str) -> None:
        if self._is_terminal:
            self.end()
        self._steps.print(Text(visible(text), style=self._style))

    def fail(self, code: str, message: str) -> None:
        self.end()
        print(f"seltzer: {visible(message)} ({code})", file=sys.stderr)

    def end(self) -> None:
        if self._is_mid_line:
            self._write("\n")

    def _show(self, part: Part) -> None:
        match part:
            case Token(text):
                self._write(text + self._separator)
            case Retracted():
                self.end()
            case Restarted():
                self.end()
                self.note(ANEW)
            case ToolCall(name, args):
                self.note(f"→ {name} {_brief(args)}")
            case ToolResult(name, content, is_error):
                self.note(f"← {name} {'failed: ' if is_error else ''}{_brief(content)}")
            case Interrupted(_, _, interrupts):
                self.end()
                if not interrupts:
                    print("? the graph has paused at a breakpoint", file=sys.stderr, flush=True)
                for interrupt in interrupts:
                    print(f"? {visible(question_of(interrupt.value))}", file=sys.stderr, flush=True)

    def _write(self, text: str) -> None:
        if text:
            sys.stdout.write(visible(text) if self._is_terminal else text)
            sys.stdout.flush()
            self._is_mid_line = not text.endswith("\n")


class JsonScreen:
    """A JSON object a line on stdout; `type` is the part's name in snake case, or error."""

    def show(self, part: Part) -> None:
        self._line({"type": _KINDS[type(part)], **asdict(part)})

    def note(self, text: str) -> None:
        print(visible(text), file=sys.stderr, flush=True)

    def fail(self, code: str, message: str) -> None:
        self._line({"type": "error", "code": code, "message": message})
        print(f"seltzer: {visible(message)} ({code})", file=sys.stderr)

    def end(self) -> None:
        """Do nothing: each line is complete."""

    def _line(self, value: dict[str, Any]) -> None:
        print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def visible(text: str) -> str:
    """Return the text with control characters made visible."""
    return text.translate(_CONTROLS)


def question_of(value: Any) -> str:
    """Return an interrupt's question: its `question` or `message` and its other fields, else all of it."""
    if isinstance(value, dict):
        for key in ("question", "message"):
            if isinstance(value.get(key), str):
                rest = {name: each for name, each in value.items() if name != key}
                return f"{value[key]} {_brief(rest)}" if rest else value[key]
    return _brief(value)


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shortened(text)


def shortened(text: str) -> str:
    """Return the beginning of a long text, and how long it is."""
    return text if len(text) <= STEP_CHARS else f"{text[:STEP_CHARS]} … ({len(text)} characters)"
