"""Copies of people's AsyncOpenAIs that send over connections of our own."""

import asyncio
import threading
from typing import Any
from weakref import WeakKeyDictionary

from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI

from seltzer.models.openai.accelerated.http.client import ModelHttpClient
from seltzer.models.openai.accelerated.http.repeated_requests import plain_settings
from seltzer.models.openai.retries import abound_retry


class StockClients:
    """Makes the copies, and keeps each for as long as its original lives and has the same settings.

    All share their HTTP clients: a model made for one call costs no connection and no TLS context of its own.
    """

    def __init__(self) -> None:
        self._copies = WeakKeyDictionary[AsyncOpenAI, tuple[Any, AsyncOpenAI]]()
        self._http_clients: dict[bool, ModelHttpClient] = {}
        self._lock = threading.Lock()

    async def http_client(self, *, is_bounded: bool) -> ModelHttpClient:
        """Return the HTTP client of copies. is_bounded: a copy doesn't sleep out a long Retry-After."""
        made = self._http_clients.get(is_bounded)
        if made is None:  # making one reads files
            made = await asyncio.to_thread(self._make_http_client, is_bounded)
        return made

    def copy_of(self, model: ChatOpenAI, http_client: ModelHttpClient) -> AsyncOpenAI:
        """Return a copy of the model's client that sends by this HTTP client."""
        client: AsyncOpenAI = model.root_async_client
        defaults = dict(model.default_headers or {}), dict(model.default_query or {})  # the client's own
        state = (http_client, plain_settings(client), defaults)
        kept = self._copies.get(client)
        if kept is not None and kept[0] == state:
            return kept[1]
        copied = client.with_options(http_client=http_client)
        self._copies[client] = state, copied
        return copied

    def _make_http_client(self, is_bounded: bool) -> ModelHttpClient:
        hooks = {"response": [abound_retry]} if is_bounded else {}
        with self._lock:
            if is_bounded not in self._http_clients:
                self._http_clients[is_bounded] = ModelHttpClient(event_hooks=hooks)
            return self._http_clients[is_bounded]
