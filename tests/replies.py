"""What the test upstream can answer, and how it looks in OpenAI's wire format. Pure: no sockets, no clock."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
Breaks = Literal["reset", "truncated", "malformed", "silence"]

DONE = b"data: [DONE]\n\n"
MALFORMED = b'data: {"choices": [{"delta": \n\n'


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for. args as a string goes out as it is, so it may be broken on purpose."""

    name: str
    args: Json | str
    call_id: str | None = None

    @property
    def text(self) -> str:
        """The arguments as the wire has them."""
        return self.args if isinstance(self.args, str) else json.dumps(self.args, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the upstream.

    text is cut into words, or sent as given when it is a sequence of chunks; before tool calls it is a
    preamble.
    breaks happens after `after` frames that carry text or tool arguments:
      reset      the connection is reset (RST)
      truncated  the body ends cleanly, without a finish reason
      malformed  a frame that isn't JSON, then a clean end
      silence    nothing more (with after=0 not even headers) until the client disconnects or Upstream.resume
    gap_s is the pause before each frame of a stream: a model's pace.
    indexes: those of the tool calls, where they aren't counted: each call then comes in one frame, as from
    servers that send all of them as the first one.
    """

    text: str | Sequence[str] = ""
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str | None = None
    breaks: Breaks | None = None
    after: int = 0
    gap_s: float = 0
    indexes: Sequence[int] = ()

    @property
    def chunks(self) -> list[str]:
        """The text as the stream cuts it."""
        return re.findall(r"\s*\S+|\s+", self.text) if isinstance(self.text, str) else list(self.text)

    @property
    def ending(self) -> str | None:
        """The finish reason sent, None if the answer breaks off before one."""
        if self.breaks in ("truncated", "malformed"):
            return None
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is an error: a status, and a body in OpenAI's shape."""

    status: int
    code: str | None = None
    message: str = "The test upstream was told to refuse."
    retry_after_s: int | None = None

    @property
    def body(self) -> Json:
        """The error object."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": self.message, "type": kind, "param": None, "code": self.code}}


UNAUTHORIZED = Refusal(status=401, code="invalid_api_key", message="Incorrect API key provided.")
FORBIDDEN = Refusal(status=403, code="unsupported_country_region_territory", message="Not from here.")
RATE_LIMITED = Refusal(status=429, code="rate_limit_exceeded", message="Too many.", retry_after_s=1)
SERVER_ERROR = Refusal(status=500, message="The server had an error.")
CONTEXT_TOO_LONG = Refusal(
    status=400,
    code="context_length_exceeded",
    message="This model's maximum context length is 4097 tokens. Your messages resulted in 5000 tokens.",
)


def answer_by_habit(body: Json) -> Reply:
    """Answer without a script: call the calculator for digits, repeat a tool's result, else echo."""
    if "messages" not in body:
        return Reply(text=prompts_of(body)[0])
    last = body["messages"][-1]
    text = content_text(last.get("content"))
    if last["role"] == "user" and body.get("tools") and re.search(r"\d", text):
        return Reply(tool_calls=[ToolCall("calculator", {"expression": _arithmetic(text)})])
    return Reply(text=text)


def _arithmetic(text: str) -> str:
    found: list[str] = re.findall(r"[\d(][\d\s.+*/()-]*", text)
    return max(found, key=len).strip()


def content_text(content: object) -> str:
    """Flatten a message's content, a string or a list of parts, to its text."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content if isinstance(content, str) else ""


def prompts_of(body: Json) -> list[str]:
    """Read the prompts of a completion request, which may be one string or a list."""
    prompt = body.get("prompt", "")
    return [prompt] if isinstance(prompt, str) else list(prompt)


def usage_of(reply: Reply) -> Json:
    """Count a chunk as a token."""
    completion = len(reply.chunks) + len(reply.tool_calls)
    return {"prompt_tokens": 7, "completion_tokens": completion, "total_tokens": 7 + completion}


def chat_frames(reply: Reply, body: Json) -> Iterator[Json]:
    """Yield the deltas of a streamed chat answer: role, text, tool calls in pieces, finish reason, usage."""
    head = _head(body, "chat.completion.chunk")
    yield head | {"choices": [_delta({"role": "assistant", "content": ""})]}
    for delta in _deltas(reply):
        yield head | {"choices": [_delta(delta)]}
    if reply.ending:
        yield head | {"choices": [_delta({}) | {"finish_reason": reply.ending}]}
        if _wants_usage(body):
            yield head | {"choices": [], "usage": usage_of(reply)}


def _deltas(reply: Reply) -> Iterator[Json]:
    for chunk in reply.chunks:
        yield {"content": chunk}
    for index, call in zip(reply.indexes, reply.tool_calls, strict=False):
        function = {"name": call.name, "arguments": call.text}
        yield {"tool_calls": [{"index": index, "id": call.call_id, "type": "function", "function": function}]}
    for index, call in enumerate(() if reply.indexes else reply.tool_calls):
        function = {"name": call.name, "arguments": ""}
        call_id = call.call_id or f"call_{index}"
        yield {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}
        for piece in re.findall(r".{1,4}", call.text, re.DOTALL):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def completion_frames(reply: Reply, body: Json) -> Iterator[Json]:
    """Yield the pieces of a streamed completion: the same text for each prompt, finish reason, usage."""
    head = _head(body, "text_completion")
    count = len(prompts_of(body))
    for chunk in reply.chunks:
        yield head | {"choices": [_piece(index, chunk) for index in range(count)]}
    if reply.ending:
        yield head | {"choices": [_piece(index, "", reply.ending) for index in range(count)]}
        if _wants_usage(body):
            yield head | {"choices": [], "usage": usage_of(reply)}


def chat_answer(reply: Reply, body: Json) -> Json:
    """Render a chat answer that isn't streamed."""
    message: Json = {"role": "assistant", "content": "".join(reply.chunks) or None}
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.call_id or f"call_{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.text},
            }
            for index, call in enumerate(reply.tool_calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": reply.ending, "logprobs": None}
    return _head(body, "chat.completion") | {"choices": [choice], "usage": usage_of(reply)}


def completion_answer(reply: Reply, body: Json) -> Json:
    """Render a completion that isn't streamed, a choice for each prompt."""
    text = "".join(reply.chunks)
    choices = [_piece(index, text, reply.ending) for index in range(len(prompts_of(body)))]
    return _head(body, "text_completion") | {"choices": choices, "usage": usage_of(reply)}


def carries_content(frame: Json) -> bool:
    """Say whether a frame is one that Reply.after counts."""
    for choice in frame["choices"]:
        delta = choice.get("delta", {})
        if choice.get("text") or delta.get("content") or delta.get("tool_calls"):
            return True
    return False


def sse(frame: Json) -> bytes:
    """Write one frame as OpenAI does."""
    return b"data: " + json.dumps(frame, ensure_ascii=False).encode() + b"\n\n"


def _head(body: Json, kind: str) -> Json:
    return {"id": "test-1", "object": kind, "created": 1700000000, "model": body.get("model", "test-model")}


def _delta(delta: Json) -> Json:
    return {"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}


def _piece(index: int, text: str, finish_reason: str | None = None) -> Json:
    return {"index": index, "text": text, "finish_reason": finish_reason, "logprobs": None}


def _wants_usage(body: Json) -> bool:
    return bool((body.get("stream_options") or {}).get("include_usage"))
