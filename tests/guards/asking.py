"""Asking an ASGI app without a server: what it is given is a list, what it answers comes back."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the JSON that the guard left, and with the bytes a route would read."""
    body = (await receive())["body"].decode()
    await JSONResponse({"json": scope["state"]["json"], "body": body})(scope, receive, send)


@dataclass(slots=True)
class Answer:
    """What an app sent; taken counts the messages it received."""

    messages: list[Message] = field(default_factory=list)
    taken: int = 0

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


async def ask(
    app: ASGIApp, messages: Iterable[Message], *, method: str = "POST", headers: dict[str, str] | None = None
) -> Answer:
    """Call the app with the messages. Asking for more than there are is an error: a server would wait."""
    answer, left = Answer(), iter(messages)
    given = {"content-type": "application/json"} if headers is None else headers
    raw = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]

    async def receive() -> Message:
        answer.taken += 1
        message = next(left, None)
        assert message is not None, "it waits for more than the client sends"
        return message

    async def send(message: Message) -> None:
        answer.messages.append(message)

    await app({"type": "http", "method": method, "path": "/", "headers": raw}, receive, send)
    return answer
