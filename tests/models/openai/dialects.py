"""What servers that speak OpenAI's chat protocol send when they stream, each to the shape it documents."""

import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
DONE = "data: [DONE]\n\n"
_HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m"}
_USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
_TOP = [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}]
_LOGPROB = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": _TOP}


def frame(delta: Any = None, *, head: Json = _HEAD, choice: Json | None = None, **extra: Any) -> str:
    """Write a frame with one choice; with no delta, without choices."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": None} | (choice or {})]
    return event(head | {"choices": choices} | extra)


def event(data: Any) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _openai() -> Iterator[str]:
    head = _HEAD | {"service_tier": "flex", "system_fingerprint": "fp_1"}
    none = {"logprobs": None}
    yield frame({"role": "assistant", "content": "", "refusal": None}, head=head, choice=none, usage=None)
    for text in ("Grüße", " 🤙", "\u2028", "\n\n", '"\\', "\0", " data: [DONE]"):
        yield frame({"content": text}, head=head, choice=none, usage=None, obfuscation="x7")
    yield frame({}, head=head, choice=none | {"finish_reason": "stop"}, usage=None)
    details = {"prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 0}}
    details |= {"completion_tokens_details": {"reasoning_tokens": 1, "accepted_prediction_tokens": 0}}
    yield frame(head=head, usage=_USAGE | details)


def _tools() -> Iterator[str]:
    """Two calls at once, in pieces, after a preamble."""
    yield frame({"role": "assistant", "content": "Let me see"})
    for index in (0, 1):
        function = {"name": "calculator", "arguments": ""}
        call = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
        yield frame({"tool_calls": [call]})
        for piece in ('{"expr', 'ession": ', '"2+2"', "}"):
            yield frame({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield frame({}, choice={"finish_reason": "tool_calls"})


def _odd_tools() -> Iterator[str]:
    """Calls as lax servers write them: whole, without index, id or name; the older function_call."""
    whole = {"name": "now", "arguments": "{}"}
    yield frame({"content": None, "tool_calls": [{"index": 0, "id": "a", "function": whole}]})
    yield frame({"content": "", "tool_calls": [{"id": "b", "type": "function", "function": whole}]})
    yield frame({"tool_calls": [{"index": 2, "function": {"arguments": "{}"}}]})
    yield frame({"tool_calls": []})
    yield frame({"function_call": {"name": None, "arguments": "{"}})
    yield frame({}, choice={"finish_reason": "tool_calls"})


def _logprobs() -> Iterator[str]:
    yield frame({"role": "assistant", "content": ""}, choice={"logprobs": {"content": [], "refusal": None}})
    yield frame({"content": "Hi"}, choice={"logprobs": {"content": [_LOGPROB]}})
    yield frame({}, choice={"finish_reason": "length", "logprobs": None})


def _refusal() -> Iterator[str]:
    yield frame({"role": "assistant", "content": None, "refusal": ""})
    yield frame({"refusal": "I can't"})
    yield frame({"content": "x", "refusal": " help."})
    yield frame({}, choice={"finish_reason": "stop"})


def _azure() -> Iterator[str]:
    safe = {"hate": {"filtered": False, "severity": "safe"}}
    results = [{"prompt_index": 0, "content_filter_results": safe}]
    yield event({"id": "", "object": "", "created": 0, "model": "", "choices": []} | _filtered(results))
    yield frame({"role": "assistant", "content": "", "refusal": None}, choice={"content_filter_results": {}})
    yield frame({"content": "Hi"}, choice={"content_filter_results": safe, "logprobs": None})
    yield frame({}, choice={"finish_reason": "stop", "content_filter_results": {}})
    yield frame(usage=_USAGE)


def _filtered(results: list[Json]) -> Json:
    return {"prompt_filter_results": results}


def _vllm() -> Iterator[str]:
    """With continuous_usage_stats, reasoning, and every field that may be null."""
    yield frame({"role": "assistant", "content": ""}, usage=_USAGE | {"completion_tokens": 0})
    yield frame({"reasoning_content": "hm"}, choice={"logprobs": None, "token_ids": None}, usage=_USAGE)
    nulls = {"reasoning_content": None, "reasoning": None, "tool_calls": None}
    yield frame({"content": "Hi"} | nulls, choice={"stop_reason": None, "token_ids": None})
    yield frame({"content": ""}, choice={"finish_reason": "stop", "stop_reason": 128009}, usage=_USAGE)
    yield frame(usage=_USAGE | {"prompt_tokens_details": None})


def _llama_cpp() -> Iterator[str]:
    head = {"created": 1, "model": "m.gguf", "system_fingerprint": "b1-x", "object": "chat.completion.chunk"}
    yield frame({"role": "assistant", "content": None}, head=head | {"id": "c"})
    yield frame({"content": "Hi"}, head=head | {"id": "c"})
    yield frame({}, head=head, choice={"finish_reason": "stop"})
    yield frame(head=head, usage=_USAGE, timings={"prompt_n": 7, "predicted_per_second": 21.5})


def _ollama() -> Iterator[str]:
    for text in ("Hi", " there", ""):
        yield frame({"role": "assistant", "content": text}, system_fingerprint="fp_ollama")
    yield frame({"role": "assistant", "content": "", "reasoning": "hm"})
    yield frame({"role": "assistant", "content": ""}, choice={"finish_reason": "stop"})


def _openrouter() -> Iterator[str]:
    yield ": OPENROUTER PROCESSING\n\n" * 3
    head = _HEAD | {"provider": "Z"}
    details = [{"type": "reasoning.text", "text": "hm", "index": 0}]
    thought = {"role": "assistant", "content": "", "reasoning": "hm", "reasoning_details": details}
    yield frame(thought, head=head, choice={"native_finish_reason": None, "logprobs": None})
    yield ": OPENROUTER PROCESSING\n\n"
    first_delta = {"role": "assistant", "content": "Hi", "reasoning": None}
    yield frame(first_delta, head=head, choice={"native_finish_reason": None, "logprobs": None})
    yield frame({"content": ""}, head=head, choice={"finish_reason": "stop", "native_finish_reason": "end"})
    yield frame({"role": "assistant", "content": ""}, head=head, usage=_USAGE | {"cost": 0.0012})


def _deepseek() -> Iterator[str]:
    yield frame({"role": "assistant", "content": None, "reasoning_content": ""})
    for thought in ("Let me", " think"):
        yield frame({"content": None, "reasoning_content": thought}, choice={"logprobs": None})
    yield frame({"content": "Hi", "reasoning_content": None}, choice={"logprobs": None})
    cached = {"prompt_cache_hit_tokens": 4, "prompt_tokens_details": {"cached_tokens": 4}}
    last = {"content": "", "reasoning_content": None}
    yield frame(last, choice={"finish_reason": "stop"}, usage=_USAGE | cached)
    yield ": keep-alive\n\n"


def _choices() -> Iterator[str]:
    """Several choices in a frame, and a frame of a choice that isn't the first."""
    both = [{"index": index, "delta": {"content": f"c{index}"}, "finish_reason": None} for index in (0, 1)]
    yield event(_HEAD | {"choices": both})
    yield frame({"content": "second"}, choice={"index": 1})
    yield frame({}, choice={"finish_reason": "stop"})


def _missing() -> Iterator[str]:
    """Fields missing, empty or in surprising places; all of it was seen in the wild."""
    yield event({"choices": [{"delta": {"content": "bare"}}]})
    yield event({"choices": [{"delta": {}}]})
    yield event({"choices": [{"delta": None}]})
    yield frame({"id": "", "content": "an id"})
    yield frame({"content": "x", "tool_calls": [], "function_call": {}})
    yield frame({"content": "y"}, choice={"finish_reason": ""}, usage={})
    yield frame({"content": "y"}, choice={"logprobs": {}})
    yield frame({"content": "y"}, usage={"prompt_tokens": None, "prompt_tokens_details": {}})
    yield frame({"content": "z"}, type="chat.completion.chunk", chunk={"choices": []})
    yield frame({"content": "not a chunk of this kind of stream"}, type="content.delta")
    yield frame({"content": "w"}, error=None)
    yield frame({"content": [{"type": "text", "text": "parts"}]})
    yield event({"choices": [], "usage": None})
    yield event({"choices": None})
    yield event({"usage": _USAGE})
    yield frame({"content": "b"}, choice={"finish_reason": "stop"})


def _roles() -> Iterator[str]:
    """Once a frame names another role, frames without one are of that role."""
    yield frame({"role": "system", "content": "a"})
    yield frame({"content": "b"})
    yield frame({"role": "assistant", "content": "c"})
    yield frame({"content": "d"}, choice={"finish_reason": "stop"})


def _forms() -> Iterator[str]:
    """Every way of writing an SSE event, around frames that only add text."""
    text = json.dumps(_HEAD | {"choices": [{"index": 0, "delta": {"content": "x"}}]})
    yield f"data:{text}\n\n"
    yield f"data:  {text} \n\n"
    yield f"event: message\ndata: {text}\n\n"
    yield f"data: {text}\nevent: message\n\n"
    yield f": hello\ndata: {text}\n: bye\n\n"
    yield "data: " + text.replace(', "choices"', ',\ndata: "choices"') + "\n\n"
    yield f"field\nother: x\n\n\nretry: 10\ndata: {text}\n\n"
    lone = text.replace('"x"', '"\\ud83e"')
    yield f"data: {lone}\n\n"
    twice = text.replace('"x"', '"no", "content": "yes"')
    yield f"data: {twice}\n\n"
    for number in ("99999999999999999999999", "NaN"):
        yield f"data: {text}\n\n".replace("1700000000", number)
    yield f"id: 1\ndata: {text}\n\n"
    yield frame({}, choice={"finish_reason": "stop"})


def _stream(frames: Iterator[str], *, line_end: str = "\n", done: str = DONE) -> bytes:
    return ("".join(frames) + done).replace("\n", line_end).encode()


_TOLD = frame({"content": "Hi"})
_OFFICIAL = (_openai, _tools, _logprobs, _refusal, _azure, _choices)
_OTHERS = (_vllm, _llama_cpp, _ollama, _openrouter, _deepseek, _odd_tools, _missing, _roles, _forms)
STREAMS: dict[str, bytes] = {
    **{make.__name__.strip("_"): _stream(make()) for make in (*_OFFICIAL, *_OTHERS)},
    "crlf": _stream(_openai(), line_end="\r\n"),
    "cr": _stream(_openrouter(), line_end="\r"),
    "mixed line ends": _stream(_openai()) + _stream(_vllm(), line_end="\r\n"),
    "no done": _stream(_openai(), done=""),
    "no last empty line": _stream(_openai(), done="data: [DONE]"),
    "more after done": _stream(_openai()) + _TOLD.encode(),
}
"""Answers that end properly."""

BROKEN: dict[str, bytes] = {
    "empty": b"",
    "truncated": _TOLD.encode() * 2,
    "truncated in a frame": (_TOLD + _TOLD[:40]).encode(),
    "truncated in a character": _TOLD.encode() + 'data: {"a": "ü'.encode()[:-1],
    "an error frame": (_TOLD + event({"error": {"message": "overloaded", "code": 502}})).encode(),
    "an error of text": (_TOLD + event({"error": "overloaded"})).encode(),
    "an error beside choices": (
        _TOLD + frame({"content": ""}, error={"message": "lost", "code": "x"})
    ).encode(),
    "an error event": (_TOLD + "event: error\n" + event({"error": {"message": "no"}})).encode(),
    "too long": (_TOLD + event({"error": {"message": "exceeds the context window"}})).encode(),
    "not json": (_TOLD + 'data: {"choices": [{"delta": \n\n').encode(),
    "html": b"<html>\n\n<p>data: no</p>\n\n",
    "not utf-8": _TOLD.encode() + _TOLD.encode().replace(b"Hi", b"\xff\xfe"),
    "a comment that isn't utf-8": b": \xff\n\n" + _TOLD.encode(),
    "a frame that is a list": (_TOLD + event([1])).encode(),
    "a frame that is null": (_TOLD + event(None)).encode(),
    "choices of text": (_TOLD + event({"choices": ["x"]})).encode(),
    "a comment after an id": b"id: 1\n" + _TOLD.encode() + b": ping\n\n" + _TOLD.encode(),
    "a call without a function": (_TOLD + frame({"tool_calls": [{"index": 0}]})).encode(),
    "a function call without a name": (_TOLD + frame({"function_call": {"arguments": "{"}})).encode(),
    "an assistant's event": ("event: thread.x\n" + _TOLD).encode(),
}
"""Answers that don't."""
