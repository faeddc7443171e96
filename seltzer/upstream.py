"""What makes a model's answer whole, and the errors of one that isn't: for our own models and for any other.

ModelError
├── UpstreamTruncated    the answer is incomplete
└── UpstreamMalformed    the answer isn't what was asked for

seltzer.models has more of the tree.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

BROKE_OFF: Final = "The model's answer broke off: its stream ended without a finish reason."
DEPTH_LIMIT: Final = 64  # of arguments; as deep as a request's body may be
# The values of a finish reason that say that the answer was cut off, in all of the providers' spellings.
_CUTS: Final = ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded")
_REASONS: Final = ("finish_reason", "stop_reason", "done_reason", "stopReason")


class ModelError(Exception):
    """A model can't be used. `code` is stable and public; the text is for people."""

    code = "model_error"


class UpstreamTruncated(ModelError):
    """The model's stream ended without a finish reason, or amid a tool call: the answer is cut off."""

    code = "upstream_truncated"


class UpstreamMalformed(ModelError):
    """The model's answer isn't in the form it was asked for."""

    code = "upstream_malformed"


@dataclass(slots=True)
class PartialCall:
    """A tool call as it arrives. index: as the stream has it; parts: of its arguments' text."""

    index: object
    call_id: str | None
    name: str | None
    parts: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> str:
        return "".join(self.parts)


class PartialCalls:
    """Puts the pieces of a message's tool calls together by the rule that LangChain has.

    A piece belongs to the first call of its index, unless both have ids that differ: some servers send all
    of their parallel calls as the first one. A piece without an index is a call of its own.
    """

    def __init__(self) -> None:
        self.calls: list[PartialCall] = []

    def add(self, piece: Mapping[str, Any]) -> int:
        """Add a ToolCallChunk; return the number of the call that it belongs to."""
        number = next((n for n, call in enumerate(self.calls) if _belongs(piece, call)), None)
        if number is None:
            number = len(self.calls)
            self.calls.append(PartialCall(piece.get("index"), piece.get("id"), piece.get("name")))
        call = self.calls[number]
        call.call_id = call.call_id or piece.get("id")
        call.name = call.name or piece.get("name")
        call.parts.append(piece.get("args") or "")
        return number


def _belongs(piece: Mapping[str, Any], call: PartialCall) -> bool:
    index, call_id = piece.get("index"), piece.get("id")
    return (
        index is not None
        and call.index == index
        and (not (call.call_id and call_id) or call.call_id == call_id)
    )


def are_complete(arguments: str, *, is_cut: bool) -> bool:
    """Return whether the text of a call's arguments is a JSON object that a tool can be run with.

    Nothing at all is an object without members for some servers, if the answer wasn't cut off.
    """
    if not arguments:
        return not is_cut
    try:
        read = json.loads(arguments, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and not is_too_deep(arguments)


def _refuse(constant: str) -> None:
    """Refuse NaN and the infinities, which Python reads, but which aren't JSON."""
    raise ValueError(f"{constant} isn't JSON")


def is_too_deep(arguments: str) -> bool:
    """Return whether the text nests more objects and lists than can be stored and read everywhere."""
    depth, is_string, is_escaped = 0, False, False
    if arguments.count("{") + arguments.count("[") <= DEPTH_LIMIT:
        return False
    for char in arguments:
        if is_string:
            is_string = is_escaped or char != '"'
            is_escaped = char == "\\" and not is_escaped
        elif char == '"':
            is_string = True
        else:
            depth += (char in "{[") - (char in "}]")
            if depth > DEPTH_LIMIT:
                return True
    return False


def is_cut_off(metadata: Mapping[str, Any]) -> bool:
    """Return whether a message's response_metadata say that its answer was cut off."""
    if metadata.get("status") == "incomplete":  # OpenAI's Responses
        return True
    reasons = (metadata.get(key) for key in _REASONS)
    return any(isinstance(each, str) and each.lower().startswith(_CUTS) for each in reasons)
