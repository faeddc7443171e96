"""A scenario in the providers' documented wire formats: pieces of a stream, and bodies of errors. Pure.

Sources: platform.openai.com (chat and Responses streaming events), learn.microsoft.com (Azure OpenAI's
reference, content filtering), docs.litellm.ai (streaming, exceptions of the proxy), docs.anthropic.com
(streaming messages), github.com/ollama/ollama docs/api.md, ai.google.dev (streamGenerateContent),
docs.mistral.ai (chat, reasoning), docs.aws.amazon.com (ConverseStream, and its event stream encoding).
"""

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4
from zlib import crc32

from tests.providers.scenarios import Answer, Call

Json = dict[str, Any]
Render = Callable[[Answer], Iterator[bytes]]

SSE = "text/event-stream"
NAME = "a-model"
SECRET = "SECRET of the provider"  # what no client may see
_GARBAGE = b'data: {"choices": [{"del\n\n'


def _data(value: Json) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def _event(value: Json) -> bytes:
    return f"event: {value['type']}\n".encode() + _data(value)


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def openai(answer: Answer) -> Iterator[bytes]:
    """Chat completions; the thoughts are deltas' `reasoning_content`, as of many compatible servers."""
    yield _choice({"role": "assistant", "content": ""})
    for thought in answer.thoughts:
        yield _choice({"reasoning_content": thought})
    for text in answer.texts:
        yield _choice({"content": text})
    for index, call in enumerate(answer.calls):
        begun = {"name": call.name, "arguments": ""}
        yield _choice(
            {"tool_calls": [{"index": index, "id": call.call_id, "type": "function", "function": begun}]}
        )
        for half in _halves(call.args):
            yield _choice({"tool_calls": [{"index": index, "function": {"arguments": half}}]})
    if answer.end == "error":
        yield _data({"error": {"message": SECRET, "type": "tokens", "code": "rate_limit_exceeded"}})
    elif answer.end == "garbage":
        yield _GARBAGE
    elif answer.end in _REASONS:
        yield _choice({}, _REASONS[answer.end])
        yield _data({**_CHAT, "choices": [], "usage": _USAGE})
        yield b"data: [DONE]\n\n"


def azure(answer: Answer) -> Iterator[bytes]:
    """OpenAI's, with the results of its filters: of the prompt first, then beside each choice."""
    filtered = [{"prompt_index": 0, "content_filter_results": _SAFE}]
    yield _data(
        {**_CHAT, "id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": filtered}
    )
    for event in openai(answer):
        frame = json.loads(event[6:]) if event.startswith(b'data: {"id"') else None
        for choice in frame["choices"] if frame else ():
            choice["content_filter_results"] = _SAFE if choice["delta"] else {}
        yield _data(frame) if frame else event


def litellm(answer: Answer) -> Iterator[bytes]:
    """OpenAI's as LiteLLM's proxy makes it of any other's: no empty text first, and usage beside a choice."""
    for event in openai(answer):
        frame = json.loads(event[6:]) if event.startswith(b'data: {"id"') else None
        if frame is None:
            yield event
        elif not frame["choices"]:
            yield _data({**frame, "choices": [{"index": 0, "delta": {}}]})
        elif frame["choices"][0]["delta"] != {"role": "assistant", "content": ""}:
            (choice,) = frame["choices"]
            more = {"provider_specific_fields": None, "thinking_blocks": None}
            thought = {**choice["delta"], **(more if "reasoning_content" in choice["delta"] else {})}
            choice = {
                "index": 0,
                "delta": thought,
                "finish_reason": choice["finish_reason"],
                "logprobs": None,
            }
            yield _data({**frame, "choices": [choice], "citations": None})


_SAFE = {"hate": {"filtered": False, "severity": "safe"}, "violence": {"filtered": False, "severity": "safe"}}
_CHAT = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": NAME}


_REASONS = {"stop": "stop", "tool": "tool_calls", "length": "length", "filter": "content_filter"}
_USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def _choice(delta: Json, finish_reason: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _data({**_CHAT, "choices": [choice], **more})


def mistral(answer: Answer) -> Iterator[bytes]:
    """Chat completions of Mistral's: thinking is content, and calls come whole."""
    for thought in answer.thoughts:
        yield _choice({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}]})
    for text in answer.texts:
        yield _choice({"role": "assistant", "content": text})
    for index, call in enumerate(answer.calls):
        function = {"name": call.name, "arguments": call.args}
        yield _choice({"tool_calls": [{"index": index, "id": f"{call.call_id:0>9}", "function": function}]})
    if answer.end == "garbage":
        yield _GARBAGE
    elif answer.end in ("stop", "tool", "length"):
        yield _choice({"content": ""}, _REASONS[answer.end], usage=_USAGE)
        yield b"data: [DONE]\n\n"


def responses(answer: Answer) -> Iterator[bytes]:
    """OpenAI's Responses: items, each with its own deltas."""
    output: list[Json] = []
    made = {"id": f"resp_{uuid4().hex}"}
    yield _event({"type": "response.created", "response": _response("in_progress", []) | made})
    if answer.thoughts:
        yield from _thinking_item(answer.thoughts, output)
    if answer.texts:
        yield from _message_item(answer, output)
    for call in answer.calls:
        yield from _call_item(call, output, is_whole=answer.end == "tool")
    if answer.end == "error":
        yield _event({"type": "error", "code": "rate_limit_exceeded", "message": SECRET, "param": None})
    elif answer.end == "garbage":
        yield _GARBAGE
    elif answer.end == "length":
        reason = {"reason": "max_output_tokens"}
        ended = {**_response("incomplete", output), **made, "incomplete_details": reason}
        yield _event({"type": "response.incomplete", "response": ended})
    elif answer.end in ("stop", "tool"):
        yield _event({"type": "response.completed", "response": _response("completed", output) | made})


def _response(status: str, output: list[Json]) -> Json:
    usage = {
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    return {
        "object": "response",
        "created_at": 1,
        "model": NAME,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1,
        "usage": usage if status != "in_progress" else None,
    }


def _thinking_item(thoughts: tuple[str, ...], output: list[Json]) -> Iterator[bytes]:
    at = {"item_id": "rs_1", "output_index": len(output), "summary_index": 0}
    item: Json = {"type": "reasoning", "id": "rs_1", "summary": []}
    part: Json = {"type": "summary_text", "text": ""}
    yield _event({"type": "response.output_item.added", "output_index": at["output_index"], "item": item})
    yield _event({"type": "response.reasoning_summary_part.added", **at, "part": part})
    for thought in thoughts:
        yield _event({"type": "response.reasoning_summary_text.delta", **at, "delta": thought})
    item = {**item, "summary": [{**part, "text": "".join(thoughts)}]}
    output.append(item)
    yield _event({"type": "response.output_item.done", "output_index": at["output_index"], "item": item})


def _message_item(answer: Answer, output: list[Json]) -> Iterator[bytes]:
    at = {"item_id": "msg_1", "output_index": len(output), "content_index": 0}
    item: Json = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    part: Json = {"type": "output_text", "text": "", "annotations": []}
    yield _event({"type": "response.output_item.added", "output_index": at["output_index"], "item": item})
    yield _event({"type": "response.content_part.added", **at, "part": part})
    for text in answer.texts:
        yield _event({"type": "response.output_text.delta", **at, "delta": text, "logprobs": []})
    if answer.end in ("cut", "reset", "error", "garbage"):
        return
    whole = "".join(answer.texts)
    yield _event({"type": "response.output_text.done", **at, "text": whole, "logprobs": []})
    item = {**item, "status": "completed", "content": [{**part, "text": whole}]}
    output.append(item)
    yield _event({"type": "response.output_item.done", "output_index": at["output_index"], "item": item})


def _call_item(call: Call, output: list[Json], *, is_whole: bool) -> Iterator[bytes]:
    item_id, index = f"fc_{call.call_id}", len(output)
    item: Json = {
        "type": "function_call",
        "id": item_id,
        "call_id": call.call_id,
        "name": call.name,
        "arguments": "",
        "status": "in_progress",
    }
    yield _event({"type": "response.output_item.added", "output_index": index, "item": item})
    for half in _halves(call.args):
        delta = {"item_id": item_id, "output_index": index, "delta": half}
        yield _event({"type": "response.function_call_arguments.delta", **delta})
    item = {**item, "arguments": call.args, "status": "completed" if is_whole else "incomplete"}
    output.append(item)


def anthropic(answer: Answer) -> Iterator[bytes]:
    """Messages: blocks, each with its own deltas."""
    usage = {"input_tokens": 3, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": NAME, "content": []}
    started = {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}
    if answer.texts or answer.calls:
        yield _event({"type": "message_start", "message": started})
    index = 0
    if answer.thoughts:
        deltas = [{"type": "thinking_delta", "thinking": thought} for thought in answer.thoughts]
        yield from _block(index, {"type": "thinking", "thinking": "", "signature": ""}, deltas)
        index += 1
    if answer.texts:
        deltas = [{"type": "text_delta", "text": text} for text in answer.texts]
        yield from _block(index, {"type": "text", "text": ""}, deltas)
        index += 1
    for each in answer.calls:
        block = {"type": "tool_use", "id": each.call_id, "name": each.name, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": half} for half in _halves(each.args)]
        yield from _block(index, block, deltas)
        index += 1
    if answer.end == "error":
        yield _event({"type": "error", "error": {"type": "rate_limit_error", "message": SECRET}})
    elif answer.end == "garbage":
        yield b'event: content_block_delta\ndata: {"type": "content_\n\n'
    elif answer.end in ("stop", "tool", "length"):
        reason = {"stop": "end_turn", "tool": "tool_use", "length": "max_tokens"}[answer.end]
        delta = {"stop_reason": reason, "stop_sequence": None}
        yield _event(
            {"type": "message_delta", "delta": delta, "usage": {"input_tokens": 3, "output_tokens": 4}}
        )
        yield _event({"type": "message_stop"})


def _block(index: int, block: Json, deltas: list[Json]) -> Iterator[bytes]:
    yield _event({"type": "content_block_start", "index": index, "content_block": block})
    for delta in deltas:
        yield _event({"type": "content_block_delta", "index": index, "delta": delta})
    yield _event({"type": "content_block_stop", "index": index})


def ollama(answer: Answer) -> Iterator[bytes]:
    """Lines of JSON; the arguments of a call are an object, so that half of them can't be sent."""
    for thought in answer.thoughts:
        yield _line({"role": "assistant", "content": "", "thinking": thought})
    for text in answer.texts:
        yield _line({"role": "assistant", "content": text})
    if answer.calls:
        calls = [
            {"function": {"name": each.name, "arguments": json.loads(each.args)}} for each in answer.calls
        ]
        yield _line({"role": "assistant", "content": "", "tool_calls": calls})
    if answer.end == "error":
        yield json.dumps({"error": SECRET}).encode() + b"\n"
    elif answer.end == "garbage":
        yield b'{"model": "a-mod\n'
    elif answer.end in ("stop", "tool", "length"):
        reason = "length" if answer.end == "length" else "stop"
        counts = {"prompt_eval_count": 3, "eval_count": 4}
        yield _line({"role": "assistant", "content": ""}, done=True, done_reason=reason, **counts)


def _line(message: Json, *, done: bool = False, **more: object) -> bytes:
    line = {"model": NAME, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": done, **more}
    return json.dumps(line).encode() + b"\n"


def gemini(answer: Answer) -> Iterator[bytes]:
    """streamGenerateContent as SSE; the arguments of a call are an object here, too."""
    for thought in answer.thoughts:
        yield _candidate({"text": thought, "thought": True})
    for text in answer.texts:
        yield _candidate({"text": text})
    for each in answer.calls:
        yield _candidate({"functionCall": {"name": each.name, "args": json.loads(each.args)}})
    if answer.end == "error":
        yield _data({"error": {"code": 429, "message": SECRET, "status": "RESOURCE_EXHAUSTED"}})
    elif answer.end == "garbage":
        yield b'data: {"candidates": [{"con\n\n'
    elif answer.end in ("stop", "tool", "length"):
        yield _candidate({"text": ""}, "MAX_TOKENS" if answer.end == "length" else "STOP")


def _candidate(part: Json, finish_reason: str | None = None) -> bytes:
    candidate: Json = {"content": {"parts": [part], "role": "model"}, "index": 0}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}
    if finish_reason:
        candidate["finishReason"] = finish_reason
    return _data({"candidates": [candidate], "modelVersion": NAME, "usageMetadata": usage})


def bedrock(answer: Answer) -> Iterator[bytes]:
    """ConverseStream, in frames of AWS's event stream."""
    yield _frame("messageStart", {"role": "assistant"})
    index = 0
    for thought in answer.thoughts:
        yield _frame("contentBlockDelta", _of_block(index, {"reasoningContent": {"text": thought}}))
    index += bool(answer.thoughts)
    for text in answer.texts:
        yield _frame("contentBlockDelta", _of_block(index, {"text": text}))
    index += bool(answer.texts)
    for number, each in enumerate(answer.calls, index):
        use = {"toolUseId": each.call_id, "name": each.name}
        yield _frame("contentBlockStart", {"contentBlockIndex": number, "start": {"toolUse": use}})
        for half in _halves(each.args):
            yield _frame("contentBlockDelta", _of_block(number, {"toolUse": {"input": half}}))
        yield _frame("contentBlockStop", {"contentBlockIndex": number})
    if answer.end == "error":
        yield _frame("throttlingException", {"message": SECRET}, kind="exception")
    elif answer.end == "garbage":
        yield struct.pack(">III", 32, 0, 0) + b"\0" * 20
    elif answer.end in ("stop", "tool", "length"):
        reason = {"stop": "end_turn", "tool": "tool_use", "length": "max_tokens"}[answer.end]
        yield _frame("messageStop", {"stopReason": reason})
        usage = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}
        yield _frame("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})


def _of_block(index: int, delta: Json) -> Json:
    return {"contentBlockIndex": index, "delta": delta}


def _frame(name: str, payload: Json, kind: str = "event") -> bytes:
    """Return a frame: lengths and their checksum, headers, the payload, a checksum of all."""
    named = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\7" + struct.pack(">H", len(value)) + value.encode()
        for key, value in named.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", len(headers) + len(body) + 16, len(headers))
    frame = prelude + struct.pack(">I", crc32(prelude)) + headers + body
    return frame + struct.pack(">I", crc32(frame))


RENDERS: dict[str, tuple[Render, str]] = {
    "openai": (openai, SSE),
    "azure": (azure, SSE),
    "litellm": (litellm, SSE),
    "responses": (responses, SSE),
    "anthropic": (anthropic, SSE),
    "ollama": (ollama, "application/x-ndjson"),
    "gemini": (gemini, SSE),
    "mistral": (mistral, SSE),
    "bedrock": (bedrock, "application/vnd.amazon.eventstream"),
}

_ANTHROPIC = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error"}
_ANTHROPIC |= {404: "not_found_error", 429: "rate_limit_error", 500: "api_error", 503: "api_error"}
_AZURE = {400: "content_filter", 404: "DeploymentNotFound"}
_AWS = {400: "ValidationException", 401: "UnrecognizedClientException", 403: "AccessDeniedException"}
_AWS |= {404: "ResourceNotFoundException", 429: "ThrottlingException", 500: "InternalServerException"}
_AWS |= {503: "ServiceUnavailableException"}


def refusal(provider: str, status: int, message: str) -> tuple[Json, dict[str, str]]:
    """Return the body of an error, and headers that belong to it."""
    if provider == "anthropic":
        return {"type": "error", "error": {"type": _ANTHROPIC[status], "message": message}}, {}
    if provider == "ollama":
        return {"error": message}, {}
    if provider == "gemini":
        return {"error": {"code": status, "message": message, "status": "FAILED"}}, {}
    if provider == "mistral":
        return {"object": "error", "message": message, "type": "error", "code": str(status)}, {}
    if provider == "bedrock":
        return {"message": message}, {"x-amzn-errortype": _AWS[status]}
    if provider == "azure":
        return {"error": {"message": message, "code": _AZURE.get(status, str(status))}}, {
            "apim-request-id": "1"
        }
    code = str(status) if provider == "litellm" else None
    return {"error": {"message": message, "type": "error", "param": None, "code": code}}, {}
