"""Refuses the answers of models that aren't whole, whoever's class the model is.

LangChain takes a stream that just ends for a complete answer, and repairs the arguments of a tool call that
was cut off, so that the tool is run with half of them. Our own models are strict about both by themselves
(seltzer/models/openai/strict.py); a run is with all others, by its callbacks: nothing is patched.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from langchain_core.messages import AIMessage, AIMessageChunk, ToolCall
from langchain_core.messages.tool import invalid_tool_call
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.utils.json import parse_partial_json

from seltzer.runs.text import clean_value
from seltzer.upstream import (
    BROKE_OFF,
    PartialCall,
    PartialCalls,
    UpstreamMalformed,
    UpstreamTruncated,
    are_complete,
    is_cut_off,
    is_too_deep,
)

# By the name that a provider's package gives to its messages: what the last chunk of a stream always has.
_ENDINGS: Final[Mapping[str, Sequence[str]]] = {
    "openai": ("finish_reason", "status"),  # of chat completions, of Responses
    "deepseek": ("finish_reason",),
    "xai": ("finish_reason", "status"),
    "groq": ("finish_reason",),
    "anthropic": ("stop_reason",),
    "google_genai": ("finish_reason",),
    "mistralai": ("finish_reason",),
    "bedrock_converse": ("stopReason",),
    "ollama": ("done_reason", "done"),
}
_NAMED_AT_THE_END: Final = frozenset({"ollama"})  # only its last chunk has the provider's name
_BEGINNINGS: Final = {"anthropic": "model_name"}  # with stream_usage off, ChatAnthropic has neither


class WholeAnswers:
    """Follows the model calls of a run. Is called for those tokens only that are pieces of tool calls."""

    def __init__(self) -> None:
        self._calls: dict[UUID, PartialCalls] = {}
        self._providers: dict[UUID, str] = {}

    def begin(self, run_id: UUID, metadata: Mapping[str, Any] | None) -> None:
        """Note the provider of a call that begins, if its messages may lack the name."""
        provider = (metadata or {}).get("ls_provider")
        if provider in _NAMED_AT_THE_END:
            self._providers[run_id] = provider

    def note(self, run_id: UUID, pieces: Sequence[Mapping[str, Any]]) -> None:
        """Note pieces of tool calls."""
        calls = self._calls.get(run_id)
        if calls is None:
            calls = self._calls[run_id] = PartialCalls()
        for piece in pieces:
            calls.add(piece)

    def end(self, run_id: UUID, response: LLMResult | None = None) -> None:
        """Check the answer of a call that has ended, if it has one.

        Raises UpstreamTruncated if it was streamed and isn't complete. Calls whose arguments can't be read
        become invalid ones in the message itself, or raise UpstreamMalformed if its chunks were handed out.
        """
        provider, calls = self._providers.pop(run_id, None), self._calls.pop(run_id, None)
        for generation in _generations(response):
            message = generation.message
            if not isinstance(message, AIMessage):
                continue
            metadata = {**(generation.generation_info or {}), **message.response_metadata}
            if response is not None and response.llm_output is None:  # it was streamed
                _check_ending(metadata, metadata.get("model_provider") or provider)
            _check_calls(message, calls.calls if calls else (), is_cut=is_cut_off(metadata))


def _generations(response: LLMResult | None) -> Iterator[ChatGeneration]:
    for generations in response.generations if response else ():
        yield from (each for each in generations if isinstance(each, ChatGeneration))


def _check_ending(metadata: Mapping[str, Any], provider: str | None) -> None:
    endings, beginning = _ENDINGS.get(provider or ""), _BEGINNINGS.get(provider or "")
    if endings is None or (beginning is not None and beginning not in metadata):
        return
    if not any(metadata.get(key) for key in endings):
        raise UpstreamTruncated(BROKE_OFF)


def _check_calls(message: AIMessage, seen: Sequence[PartialCall], *, is_cut: bool) -> None:
    broken = [call for call in seen if not are_complete(call.arguments, is_cut=is_cut)]
    pairs = [pair for pair in _pairs(seen, message.tool_calls) if pair[0] in broken]
    if pairs and is_cut:
        raise UpstreamTruncated("The model's answer was cut off amid the arguments of a tool call.")
    if isinstance(message.content, list) and any(is_too_deep(call.arguments) for call in broken):
        # Packages that keep arguments as content read them again at each later turn of the thread.
        raise UpstreamMalformed("The arguments of a tool call are nested too deeply.")
    if pairs and isinstance(message, AIMessageChunk):
        raise UpstreamMalformed("The arguments of a tool call aren't a JSON object.")
    message.tool_calls[:] = [each for each in message.tool_calls if not any(each is f for _, f in pairs)]
    for call, _ in pairs:
        message.invalid_tool_calls.append(
            invalid_tool_call(
                name=call.name,
                args=call.arguments,
                id=call.call_id,
                error="The arguments aren't a JSON object.",
            )
        )
    for each in message.tool_calls:
        args = clean_value(each["args"])
        if args != each["args"] and isinstance(message, AIMessageChunk):
            raise UpstreamMalformed("The arguments of a tool call hold half a character.")
        each["args"] = args


def _pairs(seen: Sequence[PartialCall], calls: Sequence[ToolCall]) -> Iterator[tuple[PartialCall, ToolCall]]:
    """Yield each of the seen calls with the message's call that was made of it, if there is one.

    Ids and names may be missing, and may repeat: the arguments tell such calls apart, and then the order.
    Where a package changes arguments, the order alone does. What LangChain can't read is no call of the
    message.
    """
    left = list(calls)
    readable = [(call, args) for call in seen if (args := _as_read(call.arguments)) is not None]
    unpaired: list[PartialCall] = []
    for call, args in readable:
        found = next(
            (n for n, each in enumerate(left) if _is_named(each, call) and each["args"] == args), None
        )
        if found is None:
            unpaired.append(call)
        else:
            yield call, left.pop(found)
    for call in unpaired:
        found = next((n for n, each in enumerate(left) if _is_named(each, call)), None)
        if found is not None:
            yield call, left.pop(found)


def _is_named(each: ToolCall, call: PartialCall) -> bool:
    return (each["id"], each["name"]) == (call.call_id, call.name or "")


def _are_equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    try:
        return one == other
    except RecursionError:
        return False


def _as_read(arguments: str) -> dict[str, Any] | None:
    """Return the arguments as LangChain reads them, repaired; None if they aren't an object even so."""
    try:
        read = parse_partial_json(arguments) if arguments else {}
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None
