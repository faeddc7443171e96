"""What every protocol can do, put the same way: the exam asks each of them the same questions.

A protocol here is a client: how one asks through it, and what it claims to do. All are read through httpx,
so that a test sees when each piece arrives; the protocols' own clients have tests beside this one.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass(slots=True)
class Answer:
    """An answer as it arrives. error_code is set by a failure, whether by a status or by a frame."""

    response: httpx.Response
    wire: "Wire"
    error_code: str | None = None

    def tokens(self) -> Iterator[str]:
        """Yield the answer's tokens as they arrive; ends with the answer, or at its failure."""
        if self.response.status_code >= 400:
            self.response.read()
            self.error_code = self.response.json()["code"]
            return
        yield from self.wire.tokens(self)

    def text(self) -> str:
        return "".join(self.tokens())


class Wire:
    """One protocol: how to ask, and how to read the answer."""

    name: str
    streams = True
    says_failure_in_mid_stream = True
    is_attached = True  # its run lives and dies with the request
    keeps_tokens_apart = True  # else those that wait to be sent are sent in one piece
    headers: Mapping[str, str] = {}

    def request(self, text: str, thread_id: str | None, on_busy: str | None) -> tuple[str, Any]:
        """Return path and body."""
        raise NotImplementedError

    def tokens(self, answer: Answer) -> Iterator[str]:
        raise NotImplementedError

    @contextmanager
    def ask(
        self, client: httpx.Client, text: str, thread_id: str | None = None, on_busy: str | None = None
    ) -> Iterator[Answer]:
        """Ask the graph `agent`; leaving the block disconnects."""
        path, body = self.request(text, thread_id, on_busy)
        with client.stream("POST", path, json=body, headers=self.headers) as response:
            yield Answer(response, self)

    def __str__(self) -> str:
        return self.name


@dataclass
class LangServe(Wire):
    """One of LangServe's endpoints."""

    name: str
    path: str = "/agent"
    streams: bool = field(default=True)

    def request(self, text: str, thread_id: str | None, on_busy: str | None) -> tuple[str, Any]:
        config = {"configurable": _given(thread_id=thread_id, on_busy=on_busy)}
        body = {"input": {"messages": [{"role": "user", "content": text}]}, "config": config}
        if self.name == "batch":
            body = {"inputs": [body["input"]], "config": config}
        return f"{self.path}/{self.name}", body

    def tokens(self, answer: Answer) -> Iterator[str]:
        if not self.streams:
            output = json.loads(answer.response.read())["output"]
            yield output[0] if self.name == "batch" else output
            return
        for event, data in sse(answer.response):
            if event == "error":
                answer.error_code = data["code"]
            elif event == "data":
                yield from self._tokens(data)

    def _tokens(self, data: Any) -> Iterator[str]:
        if self.name == "stream":
            yield data
        elif self.name == "stream_events":
            if data["event"] == "on_chain_stream" and not data["parent_ids"]:
                yield data["data"]["chunk"]
        else:
            for op in data["ops"]:
                if op["path"] == "/streamed_output/-":
                    yield op["value"]


class ChatText(Wire):
    """POST /chat as text: a failure after the first token can only be shown by a body that is cut."""

    name = "chat"
    says_failure_in_mid_stream = False
    keeps_tokens_apart = False

    def request(self, text: str, thread_id: str | None, on_busy: str | None) -> tuple[str, Any]:
        return "/chat", {"text": text} | _given(thread_id=thread_id, on_busy=on_busy)

    def tokens(self, answer: Answer) -> Iterator[str]:
        try:
            yield from answer.response.iter_text()
        except httpx.RemoteProtocolError:
            answer.error_code = "cut"


class ChatJson(ChatText):
    """POST /chat as JSON."""

    name = "chat as JSON"
    streams = False
    headers: Mapping[str, str] = {"accept": "application/json"}

    def tokens(self, answer: Answer) -> Iterator[str]:
        yield json.loads(answer.response.read())["output"]


class Native(Wire):
    """POST /agent/runs, answered by its events; the run is nobody's but its own."""

    name = "runs"
    is_attached = False
    headers: Mapping[str, str] = {"accept": "text/event-stream"}

    def request(self, text: str, thread_id: str | None, on_busy: str | None) -> tuple[str, Any]:
        return "/agent/runs", {"input": text} | _given(thread_id=thread_id, on_busy=on_busy)

    def tokens(self, answer: Answer) -> Iterator[str]:
        """Yield the answer as a text stream would show it: what was retracted stays, then an empty line."""
        message_id: str | None = None
        for event, data in sse(answer.response):
            if event == "failed":
                answer.error_code = data["code"]
            elif event == "cancelled":
                answer.error_code = "run_cancelled"
            elif event == "token" and data["channel"] == "answer":
                if message_id not in (None, data["message_id"]):
                    yield "\n\n"
                message_id = data["message_id"]
                yield data["text"]


WIRES: list[Wire] = [
    LangServe("stream"),
    LangServe("stream_events"),
    LangServe("stream_log"),
    LangServe("stream", path="/agent/chat"),
    LangServe("invoke", streams=False),
    LangServe("batch", streams=False),
    ChatText(),
    ChatJson(),
    Native(),
]
STREAMS = [wire for wire in WIRES if wire.streams]


def _given(**fields: str | None) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}


def sse(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Yield (event, data) of each frame; comments are let be."""
    event = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield event, json.loads(line.removeprefix("data: "))
