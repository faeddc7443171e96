"""Whose error an exception is: it is a model's only if it came out of a model call.

Nodes and tools have HTTP clients of their own. The frames that an exception came through tell them apart; a
model may be called in a tool, and a tool may be called by a model's class: the inner one counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from langchain_core import exceptions

_MODEL_MODULES: Final = "langchain_core.language_models."
_MODEL_SDKS: Final = ("openai", "anthropic", "groq", "mistralai", "ollama", "cohere", "google.genai")
_TOOL_MODULES: Final = ("langchain_core.tools.", "langgraph.prebuilt.tool_node")
_PARSERS: Final = frozenset({"json", "pydantic", "pydantic_core"})
_LONGEST_CHAIN: Final = 20  # of causes; one may be its own


class ErrorOrigin(Enum):
    """Where an error comes from. UNRAISED: it has no frames, so that only its class tells."""

    MODEL = "model"
    UNRAISED = "unraised"
    ELSEWHERE = "elsewhere"


class StackFrame(NamedTuple):
    module: str
    function: str


@dataclass(frozen=True, slots=True)
class Traced:
    """An error, and the frames it came through, the outermost first."""

    error: BaseException
    origin: ErrorOrigin
    frames: Sequence[StackFrame]

    @property
    def raised_in(self) -> StackFrame:
        """The frame that raised it; those of a parser or a validator don't count."""
        own = (each for each in reversed(self.frames) if each.module.partition(".")[0] not in _PARSERS)
        return next(own, StackFrame("", ""))


def chain(error: BaseException) -> Iterator[Traced]:
    """Yield the error and its causes, the outermost first.

    A cause has only the frames below the one that caught it; those of the error that wraps it come before.
    What was handled when an error was raised is its cause only if a model's package raised it.
    """
    around: list[StackFrame] = []
    current: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if current is None:
            return
        around = [*around, *_frames(current)]
        traced = Traced(current, _origin(current, around), around)
        yield traced
        follows_context = traced.origin is ErrorOrigin.MODEL and not current.__suppress_context__
        current = current.__cause__ or (current.__context__ if follows_context else None)


def is_of_sdk(module: str) -> bool:
    """Return whether the module belongs to a provider's SDK."""
    return any(module == sdk or module.startswith(f"{sdk}.") for sdk in _MODEL_SDKS)


def _origin(error: BaseException, frames: Sequence[StackFrame]) -> ErrorOrigin:
    model_error = getattr(exceptions, "ModelError", ())  # in langchain-core from 1.7 on
    if isinstance(error, model_error) or any(is_of_sdk(base.__module__) for base in type(error).__mro__):
        return ErrorOrigin.MODEL
    if not frames:
        return ErrorOrigin.UNRAISED
    origin = ErrorOrigin.ELSEWHERE
    for module, _ in frames:
        if module.startswith(_MODEL_MODULES) or is_of_sdk(module):
            origin = ErrorOrigin.MODEL
        elif module.startswith(_TOOL_MODULES):
            origin = ErrorOrigin.ELSEWHERE
    return origin


def _frames(error: BaseException) -> Iterator[StackFrame]:
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        yield StackFrame(str(frame.f_globals.get("__name__", "")), frame.f_code.co_name)
        trace = trace.tb_next
