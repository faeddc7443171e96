"""What the providers are asked for: a question names a scenario, `scenario:NAME`."""

from dataclasses import dataclass
from typing import Literal

End = Literal["stop", "tool", "length", "filter", "cut", "reset", "error", "garbage", "stall"]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; args is its text, which may be broken on purpose."""

    args: str
    call_id: str = "call_1"
    name: str = "double"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as a stream. end: how it ends; `cut` is a clean end without a finish reason."""

    texts: tuple[str, ...] = ()
    thoughts: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    end: End = "stop"


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that is an error, before its stream. message is of the kind that a provider has for it."""

    status: int
    message: str = "SECRET of the provider"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing at all, until the client leaves."""


Scenario = Answer | Refused | Silence
WORDS = ("one ", "two ", "three")
AFTER_TOOL = Answer(texts=("It is ", "12."))
DEEP = '{"a": ' + "[" * 3000 + "]" * 3000 + "}"

SCENARIOS: dict[str, Scenario] = {
    "plain": Answer(WORDS),
    "thinking": Answer(WORDS, thoughts=("hm, ", "well")),
    "tagged": Answer(("<thi", "nk>hm, ", "well</th", "ink>\n\n", *WORDS)),
    "call": Answer(calls=(Call('{"a": 6}'),), end="tool"),
    "calls": Answer(calls=(Call('{"a": 6}'), Call('{"a": 7}', "call_2")), end="tool"),
    "cut": Answer(WORDS, end="cut"),
    "nothing": Answer(end="cut"),
    "cut-call": Answer(calls=(Call('{"a": 6,'),), end="cut"),
    "half-call": Answer(calls=(Call('{"a": 6,'),), end="length"),
    "half-calls": Answer(calls=(Call('{"a": 6}'), Call('{"a": 7,', "call_2")), end="length"),
    "bad-call": Answer(calls=(Call('{"a": 6,'),), end="tool"),
    "surrogate": Answer(calls=(Call('{"a": 6, "note": "\\ud83d"}'),), end="tool"),
    "half-result": Answer(calls=(Call('{"a": 6, "note": "half"}'),), end="tool"),
    "deep": Answer(calls=(Call(DEEP),), end="tool"),
    "long": Answer(WORDS, end="length"),
    "filtered": Answer(WORDS, end="filter"),
    "form": Answer(('{"a": ', "6}")),
    "cut-form": Answer(('{"a": ', "[6"), end="cut"),
    "half-form": Answer(('{"a": ', "[6"), end="length"),
    "filtered-form": Answer(('{"a": ', "[6"), end="filter"),
    "reset-form": Answer(('{"a": ', "[6"), end="reset"),
    "other-form": Answer(('{"b": ', "6}")),
    "bad-form": Answer(("It is ", "6.")),
    "reset": Answer(WORDS, end="reset"),
    "error": Answer(WORDS, end="error"),
    "garbage": Answer(WORDS, end="garbage"),
    "silence": Silence(),
    "stall": Answer(WORDS, end="stall"),
    "400": Refused(400),
    "401": Refused(401),
    "403": Refused(403),
    "404": Refused(404),
    "429": Refused(429, headers=(("retry-after", "0.5"),)),
    "500": Refused(500),
    "503": Refused(503),
}
