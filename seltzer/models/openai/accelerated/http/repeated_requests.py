"""Requests that repeat the head of one that the SDK sent, with another body.

For each call the SDK makes a request's URL and headers anew, and httpx2 passes them through layers that a
plain POST has no need of. They are the same each time: here the SDK sends a client's first request, and each
later one is sent as that was. One that fails is handed to the SDK as its own first try, so that its retries
and errors are the SDK's.

Departs from the SDK: a cookie that a response has set isn't sent with a repeated request.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from seltzer.models.openai.accelerated.http.transport import (
    SENT_BY,
    Destination,
    Transport,
    encoded_head,
    with_body,
)
from seltzer.models.openai.accelerated.http.untouched import are_unchanged

Payload = Mapping[str, Any]
Outcome = httpx2.Response | httpx2.TransportError

plain_settings = attrgetter("api_key", "organization", "project", "base_url", "timeout", "max_retries")


class RepeatedRequests:
    """Opens streams of chat completions for the SDK's clients, whose HTTP client has these event hooks."""

    def __init__(self, event_hooks: Mapping[str, Any]) -> None:
        self._event_hooks = event_hooks
        self._firsts = WeakKeyDictionary[AsyncOpenAI, tuple[Any, FirstRequest | None]]()
        self._renewing = WeakSet[AsyncOpenAI]()  # their key, by themselves

    async def open(self, client: AsyncOpenAI, payload: Payload) -> httpx2.Response:
        """Send the payload, and return the response. Raises what the SDK raises.

        It has to be JSON of the SDK's API, without options of the request.
        """
        settings, first = self._firsts.get(client, (None, None))
        if first is None or settings != settings_of(client):
            return await self._open_first(client, payload)
        body = encoded(payload) if are_unchanged(client, client.chat.completions) else None
        if body is None:
            return await post(client, payload)
        outcome = await first.repeat(body)
        if isinstance(outcome, httpx2.Response) and outcome.is_success:
            outcome.request = first.request
            return outcome
        return await post(self._after(outcome, first, client), payload)

    async def _open_first(self, client: AsyncOpenAI, payload: Payload) -> httpx2.Response:
        """Have the SDK send a request, and keep it if the next one will be like it."""
        key = client.api_key
        try:
            response = await post(client, payload)
        finally:
            if client.api_key != key:
                self._renewing.add(client)
                self._firsts.pop(client, None)
        if client not in self._renewing:
            self._firsts[client] = settings_of(client), first_request(client, response)
        return response

    def _after(self, outcome: Outcome, first: "FirstRequest", client: AsyncOpenAI) -> AsyncOpenAI:
        """Return a copy of the client whose first request has this outcome."""
        transport = _FirstSent(outcome, first.transport)
        hooks: Any = self._event_hooks
        return client.with_options(
            http_client=DefaultAsyncHttpxClient(transport=transport, event_hooks=hooks)
        )


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """What is repeated of a request. request: that one without its body, for who reads a response."""

    transport: Transport
    destination: Destination
    head: bytes
    request: httpx2.Request

    async def repeat(self, body: bytes) -> Outcome:
        """Send it with another body, and return what came of it."""
        try:
            return await self.transport.send(with_body(self.head, body), self.destination)
        except httpx2.TransportError as error:
            return error


def first_request(client: AsyncOpenAI, response: httpx2.Response) -> FirstRequest | None:
    """Return the request of a response, if the client's next one would be like it; None if not.

    It isn't after a redirect or a retry, with a key that isn't the client's own, or through a proxy.
    """
    sent, transport = response.request, response.extensions.get(SENT_BY)
    is_first = not response.history and sent.headers.get("x-stainless-retry-count") == "0"
    has_its_key = sent.headers.get("authorization") == f"Bearer {client.api_key}"
    if not (is_first and has_its_key and isinstance(transport, Transport)):
        return None
    headers = [(name, value) for name, value in sent.headers.raw if name.lower() not in _OF_ONE_REQUEST]
    alike = httpx2.Request(sent.method, sent.url, headers=headers, extensions=sent.extensions)
    return FirstRequest(transport, Destination.of(sent), encoded_head(alike), alike)


_OF_ONE_REQUEST = (b"content-length", b"cookie")


def encoded(payload: Payload) -> bytes | None:
    """Encode the payload as the SDK does; None if only that can, or if neither."""
    try:
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError):
        return None


async def post(client: AsyncOpenAI, payload: Payload) -> httpx2.Response:
    """Have the SDK send the payload, with its retries and errors."""
    stream: Any = await client.chat.completions.create(**payload)
    response: httpx2.Response = stream.response
    return response


def settings_of(client: AsyncOpenAI) -> Any:
    """Return what the head of a client's requests is made from, to be compared.

    Until its first request, the SDK may read files for the headers.
    """
    headers = {name: value for name, value in client.default_headers.items() if isinstance(value, str)}
    return plain_settings(client), headers, client.default_query


class _FirstSent(httpx2.AsyncBaseTransport):
    """A transport whose first request was sent before, with this outcome."""

    def __init__(self, outcome: Outcome, transport: Transport) -> None:
        self._outcome: Outcome | None = outcome
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        outcome, self._outcome = self._outcome, None
        if outcome is None:
            return await self._transport.handle_async_request(request)
        if isinstance(outcome, httpx2.Response):
            return outcome
        raise outcome
