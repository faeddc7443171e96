"""What an inspection of a store has found: a line for the operator."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """check: what was looked at, one word. todo: what to do about it; empty if nothing is to be done.

    fail: a server can't work like this. warn: it can, and somebody should know of it.
    """

    level: Level
    check: str
    text: str
    todo: str = ""


def ok(check: str, text: str) -> Finding:
    return Finding("ok", check, text)


def warn(check: str, text: str, todo: str) -> Finding:
    return Finding("warn", check, text, todo)


def fail(check: str, text: str, todo: str) -> Finding:
    return Finding("fail", check, text, todo)
