"""The demo model's script: from a conversation to the model's next message. A pure function, without a clock.

It never computes, and it sends nothing. It calls a tool, the calculator or send_email, and answers from what
the tool returned.
"""

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from seltzer.models.demo import mails, sums
from seltzer.models.demo.phrases import PHRASES, Phrases
from seltzer.models.demo.talk import answer_without_arithmetic, language_of_talk
from seltzer.models.demo.words import chunks

CALCULATOR = "calculator"
SEND_EMAIL = "send_email"
MAX_CALLS = 8
_ARGUMENT_PIECES = 8


@dataclass(frozen=True, slots=True)
class Text:
    """A chunk of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A chunk of reasoning, sent apart from the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A chunk of a tool call: the first one of an index has call_id and name, the others more of args."""

    index: int
    args: str
    call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    """The answer breaks off here."""


Part = Text | Thought | Call | Fail


def plan(messages: Sequence[BaseMessage], tools: Collection[str] = ()) -> tuple[Part, ...]:
    """Return the next message, in at least four chunks, the last a Fail if it was asked to fail.

    tools are the names of the tools bound. The same messages (ids included) give the same plan.
    """
    talk = _Talk.of(messages)
    phrases = PHRASES[language_of_talk(talk.questions)]
    if talk.results:
        return _after_tools(talk, tools, phrases)
    emails = mails.find(talk.question, phrases.email) if SEND_EMAIL in tools else ()
    if emails:
        return _calling(SEND_EMAIL, emails[:MAX_CALLS], talk.seed)
    expressions = sums.find(talk.question, talk.previous)
    if not expressions:
        reply = answer_without_arithmetic(talk.questions, phrases)
        parts: list[Part] = [*_thoughts(reply.thinking), *_texts(reply.text)]
        return (*parts, Fail()) if reply.fails else tuple(parts)
    if CALCULATOR not in tools:
        return _texts(phrases.no_calculator.format(what=", ".join(expressions)))
    return _first_calls(talk, expressions, phrases)


@dataclass(frozen=True, slots=True)
class _Talk:
    """What the script reads in a conversation.

    questions are the human messages' texts, oldest first; results the tool answers since the last of them.
    previous is the last value there was before the question.
    """

    questions: tuple[str, ...]
    results: tuple[tuple[str, ToolMessage], ...]
    rounds: int
    previous: str | None
    seed: str

    @property
    def question(self) -> str:
        return self.questions[-1] if self.questions else ""

    @classmethod
    def of(cls, messages: Sequence[BaseMessage]) -> "_Talk":
        question_at = max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=-1)
        turn = messages[question_at + 1 :]
        calls = {c["id"]: c for m in messages if isinstance(m, AIMessage) for c in m.tool_calls}
        results = [m for m in turn if isinstance(m, ToolMessage)]
        identity = json.dumps([(m.id, m.type, m.text) for m in messages])
        return cls(
            questions=tuple(m.text[: sums.MAX_CHARS] for m in messages if isinstance(m, HumanMessage)),
            results=tuple((_expression(calls.get(m.tool_call_id)), m) for m in results),
            rounds=sum(bool(m.tool_calls) for m in turn if isinstance(m, AIMessage)),
            previous=_last_value(messages[: max(question_at, 0)]),
            seed=hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest(),
        )

    def is_requested(self, pattern: str) -> bool:
        return re.search(pattern, self.question, re.IGNORECASE) is not None


def _last_value(messages: Sequence[BaseMessage]) -> str | None:
    """Return the calculator's last result; in a history of texts alone, the last number in an answer."""
    given = [m.text for m in messages if isinstance(m, ToolMessage) and m.status == "success"]
    values = [text for text in given if re.fullmatch(_NUMBER, text)]
    if not given:
        values = [
            found for m in messages if isinstance(m, AIMessage) for found in re.findall(_NUMBER, m.text)
        ]
    return values[-1].rstrip(".") if values else None


_NUMBER = r"-?\d[\d.]*(?:e[+-]?\d+)?"
_STEP_BY_STEP = r"step[- ]by[- ]step|(?:two|2) steps|一歩ずつ|順番に|二段階|一步一步|分步|两步"
_OUT_LOUD = r"think (?:out loud|aloud)|声に出して考え|考えながら|思考过程|边想边"
_ANNOUNCED = r"(?:tell me|say so|announce it) first|先に言って|先说一声"


def _first_calls(talk: _Talk, expressions: tuple[str, ...], phrases: Phrases) -> tuple[Part, ...]:
    step = sums.first_step(expressions[0]) if talk.is_requested(_STEP_BY_STEP) else None
    wanted = (step[0],) if step else expressions[:MAX_CALLS]
    thinking = phrases.reasoning.format(what=", ".join(wanted)) if talk.is_requested(_OUT_LOUD) else ""
    announcement = phrases.announcement if talk.is_requested(_ANNOUNCED) else ""
    return (*_thoughts(thinking), *_texts(announcement), *_calculating(wanted, talk.seed))


def _after_tools(talk: _Talk, tools: Collection[str], phrases: Phrases) -> tuple[Part, ...]:
    """Continue with the second step if one was asked for, else answer from the tools' results."""
    mailed = [m for _, m in talk.results if m.name == SEND_EMAIL]
    if mailed:
        wording = [phrases.mailed if m.status == "success" else phrases.not_mailed for m in mailed]
        return _texts("\n".join(s.format(said=m.text) for s, m in zip(wording, mailed, strict=True)))
    last = talk.results[-1][1]
    is_second_step_due = talk.rounds == 1 and last.status == "success" and CALCULATOR in tools
    if is_second_step_due and talk.is_requested(_STEP_BY_STEP):
        found = sums.find(talk.question, talk.previous)
        step = sums.first_step(found[0]) if found else None
        if step:
            return _calculating((sums.put(last.text, step[1]),), talk.seed)
    refused = [(what, m) for what, m in talk.results if m.status == "error"]
    if refused:
        what, message = refused[0]
        return _texts(phrases.refused.format(what=_wording(what, phrases), why=message.text))
    results = [phrases.result.format(what=_wording(what, phrases), value=m.text) for what, m in talk.results]
    return _texts(_sentence(results, phrases))


def _sentence(results: list[str], phrases: Phrases) -> str:
    """Join "2+2 is 4." and "3+3 is 6." to one sentence, with a capital letter in front."""
    *rest, last = results
    if rest:
        joined = ", ".join(clause.rstrip(".") for clause in rest)
        last = phrases.last_of_list.format(rest=joined, last=last)
    return last[:1].upper() + last[1:]


def _wording(expression: str, phrases: Phrases) -> str:
    root = re.fullmatch(r"sqrt\((-?[\d.,]+)\)", expression)
    wording = phrases.square_root.format(of=root[1]) if root else expression or phrases.the_result
    return wording if len(wording) <= 60 else f"{wording[:60]}…"


def _expression(call: object) -> str:
    arguments = call.get("args") if isinstance(call, dict) else None
    return str(arguments.get("expression", "")) if isinstance(arguments, dict) else ""


def _texts(text: str) -> tuple[Text, ...]:
    return tuple(map(Text, chunks(text))) if text else ()


def _thoughts(text: str) -> tuple[Thought, ...]:
    return tuple(map(Thought, chunks(text))) if text else ()


def _calculating(expressions: Sequence[str], seed: str) -> tuple[Call, ...]:
    return _calling(CALCULATOR, [{"expression": expression} for expression in expressions], seed)


def _calling(tool: str, calls: Sequence[dict[str, str]], seed: str) -> tuple[Call, ...]:
    parts: list[Call] = []
    for index, call in enumerate(calls):
        call_id = "call_" + hashlib.sha256(f"{seed}{index}".encode()).hexdigest()[:24]
        arguments = json.dumps(call)
        size = max(4, -(-len(arguments) // _ARGUMENT_PIECES))
        parts.append(Call(index, "", call_id, tool))
        parts += [Call(index, arguments[at : at + size]) for at in range(0, len(arguments), size)]
    return tuple(parts)
