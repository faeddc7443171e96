"""What LangServe sends to a client: always JSON; no system prompt, internal metadata or exception."""

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.messages import BaseMessage, SystemMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables.schema import StreamEvent
from langchain_core.tracers.log_stream import RunLog, RunLogPatch
from langserve.serialization import Serializer, WellKnownLCSerializer
from sse_starlette.event import ensure_bytes

from seltzer.errors import AppError, RunFailed
from seltzer.runs.jsonable import dumps

_PUBLIC_METADATA: Final = frozenset(
    {
        "run_id",
        "thread_id",
        "langgraph_node",
        "langgraph_step",
        "ls_provider",
        "ls_model_name",
        "ls_model_type",
    }
)
_METADATA: Final = "metadata"
_RESPONSES: Final = frozenset({"response_metadata", "generation_info"})
_PRIVATE: Final = frozenset({"body", "headers", "status_code", "request_id"})  # of a provider's HTTP response


class SafeSerializer(Serializer):
    """LangServe's serializer, made to accept anything; also escapes what some clients read as line ends."""

    def __init__(self) -> None:
        self._well_known = WellKnownLCSerializer()

    def dumps(self, obj: Any) -> bytes:
        return dumps(obj)

    def loadd(self, obj: Any) -> Any:
        return self._well_known.loadd(obj)


def frame(item: Mapping[str, Any]) -> bytes:
    """Return LangServe's item as sse-starlette frames it: by a short way if it is one line of data."""
    data: Any = item.get("data")
    is_plain = item == {"event": "data", "data": data} and isinstance(data, str)
    if is_plain and not ("\n" in data or "\r" in data):
        return f"event: data\r\ndata: {data}\r\n\r\n".encode()
    return ensure_bytes(item, "\r\n")


def error_frame(error: AppError, status: int) -> bytes:
    """Return LangServe's `error` event, with our code in it."""
    is_retryable = isinstance(error, RunFailed) and error.retryable
    data = {"status_code": status, "message": str(error), "code": error.code, "retryable": is_retryable}
    if isinstance(error, RunFailed) and error.retry_after_s is not None:
        data["retry_after_s"] = error.retry_after_s
    return b"event: error\r\ndata: " + dumps(data) + b"\r\n\r\n"


def public_event(event: StreamEvent) -> StreamEvent:
    """Return the event without what clients mustn't see."""
    metadata = {key: value for key, value in event["metadata"].items() if key in _PUBLIC_METADATA}
    return {**event, "data": _public(event["data"]), "metadata": metadata}


def public_patch(patch: RunLogPatch | RunLog) -> RunLogPatch:
    """Return the patch without what clients mustn't see, in a form that RemoteRunnable can read."""
    return RunLogPatch(*(_public_op(op) for op in patch.ops))


def _public_op(op: Mapping[str, Any]) -> dict[str, Any]:
    if op["path"].endswith("/" + _METADATA):
        return {**op, "value": {key: value for key, value in op["value"].items() if key in _PUBLIC_METADATA}}
    return {**op, "value": _public(op["value"])} if "value" in op else dict(op)


def _public(value: Any) -> Any:
    if isinstance(value, PromptValue):
        value = {"messages": value.to_messages()}
    if isinstance(value, BaseMessage):
        metadata = _without_response(value.response_metadata)
        return value if metadata is value.response_metadata else _with_metadata(value, metadata)
    if isinstance(value, Mapping):
        return _public_mapping(value)
    if isinstance(value, list | tuple):
        return [_public(each) for each in value if not isinstance(each, SystemMessage)]
    return value


def _without_response(metadata: Any) -> Any:
    """Return the metadata without the provider's HTTP response, which may name its keys."""
    if not isinstance(metadata, Mapping) or metadata.keys().isdisjoint(_PRIVATE):
        return metadata
    return {key: value for key, value in metadata.items() if key not in _PRIVATE}


def _with_metadata(message: BaseMessage, metadata: dict[str, Any]) -> BaseMessage:
    return message.model_copy(update={"response_metadata": metadata})


def _public_mapping(value: Mapping[Any, Any]) -> dict[Any, Any]:
    public = {key: _public(each) for key, each in value.items() if not isinstance(each, SystemMessage)}
    if isinstance(public.get(_METADATA), Mapping) and "tags" in public:
        public[_METADATA] = {key: each for key, each in public[_METADATA].items() if key in _PUBLIC_METADATA}
    for key in _RESPONSES & public.keys():
        public[key] = _without_response(public[key])
    if public.get("type") == "tool" and "tool_call_id" not in public:
        # A tool's log entry. RemoteRunnable reads it as a ToolMessage and fails on the missing keys; with
        # them, it finds that it isn't one, and leaves it as it is.
        public = {"content": "", **public, "tool_call_id": None}
    return public
