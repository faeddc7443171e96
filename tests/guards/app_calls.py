"""Calling an ASGI app without a server: the request is a list of messages, its response is returned."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seltzer.guards.body import BodyLimits, BodyReader
from seltzer.guards.faults import boundary


def echo(limits: BodyLimits, *, may_be_empty: bool = False, has_attachments: bool = False) -> ASGIApp:
    """Return an app that answers with the JSON it reads."""

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        value = await BodyReader(limits).read(
            Request(scope, receive), may_be_empty=may_be_empty, has_attachments=has_attachments
        )
        await JSONResponse({"json": value})(scope, receive, send)

    return boundary(read)


@dataclass(slots=True)
class Answer:
    """What an app sent; received counts the messages it received."""

    messages: list[Message] = field(default_factory=list)
    received: int = 0

    @property
    def status(self) -> int | None:
        return self.messages[0]["status"] if self.messages else None

    @property
    def json(self) -> Any:
        return json.loads(b"".join(message.get("body", b"") for message in self.messages))


def part(body: bytes, *, more: bool = True) -> Message:
    """Return a piece of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Message = {"type": "http.disconnect"}


async def call(
    app: ASGIApp, messages: Iterable[Message], *, method: str = "POST", headers: dict[str, str] | None = None
) -> Answer:
    """Call the app with the messages. Receiving more than there are is an error: a server would wait."""
    answer, rest = Answer(), iter(messages)
    given = {"content-type": "application/json"} if headers is None else headers
    raw = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]

    async def receive() -> Message:
        answer.received += 1
        message = next(rest, None)
        assert message is not None, "it waits for more than the client sends"
        return message

    async def send(message: Message) -> None:
        answer.messages.append(message)

    await app({"type": "http", "method": method, "path": "/", "headers": raw}, receive, send)
    return answer
