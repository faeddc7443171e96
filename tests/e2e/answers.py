"""The upstream's answers to the agent, at a model's pace, and its refusals, as of providers."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import takewhile
from typing import Any

from tests.replies import Json, Refusal, Reply, ToolCall

GAP_S = 0.015
_WORDS = {"brief": 2, "plain": 25, "sum": 12, "long": 75}


def answer_to(question: str) -> str:
    """Return a question's answer. Its first word sets the length; `sum` needs a calculation."""
    return _words(question, str(int(question.partition(" ")[2]) + 1) if question.startswith("sum") else "")


def _words(question: str, result: str) -> str:
    kind, _, name = question.partition(" ")
    words = [f"{name}{kind[0]}{place}" for place in range(_WORDS[kind])]
    return " ".join([f"[{question}]", *words, result])


def expression_of(question: str) -> str:
    """Return what the agent calculates for a question that wants it."""
    return f"{question.partition(' ')[2]}+1"


class Answers:
    """The upstream's script. asked counts each question's calls, refused has what was wrong with any."""

    def __init__(self, gap_s: float = GAP_S) -> None:
        self._gap_s = gap_s
        self._lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.refused: list[str] = []

    def __call__(self, body: Json) -> Reply | Refusal:
        messages = body["messages"]
        question = next(each["content"] for each in reversed(messages) if each["role"] == "user")
        with self._lock:
            self.asked[question] += 1
            if unanswered := _unanswered(messages):
                self.refused.append(f"{question}: {unanswered}")
                return Refusal(status=400, message="tool calls without answers")
        result = messages[-1]["content"] if messages[-1]["role"] == "tool" else ""
        if question.startswith("sum") and not result:
            call = ToolCall("calculator", {"expression": expression_of(question)}, f"call_{question[4:]}")
            return Reply(tool_calls=[call], gap_s=self._gap_s)
        return Reply(text=_words(question, result), gap_s=self._gap_s)


def _unanswered(messages: list[Json]) -> list[Any]:
    """Return the ids of calls that have no result right after them."""
    found = []
    for place, message in enumerate(messages):
        behind = takewhile(lambda each: each["role"] == "tool", messages[place + 1 :])
        answered = {each["tool_call_id"] for each in behind}
        calls = [call["id"] for call in message.get("tool_calls") or ()]
        found += [call for call in calls if call not in answered]
    return found
