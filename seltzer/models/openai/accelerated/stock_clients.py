"""Copies of people's AsyncOpenAIs that send over connections of our own."""

import asyncio
import threading
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary

from openai import AsyncOpenAI

from seltzer.models.openai.accelerated.transport import ModelHttpClient
from seltzer.models.openai.retries import abound_retry

_settings = attrgetter("api_key", "organization", "project", "base_url", "timeout", "max_retries")


class StockClients:
    """Makes the copies, and keeps each for as long as its original lives and has the same settings.

    All share their HTTP clients: a model made for one call costs no connection and no TLS context of its own.
    """

    def __init__(self) -> None:
        self._copies = WeakKeyDictionary[AsyncOpenAI, tuple[Any, AsyncOpenAI]]()
        self._http_clients: dict[bool, ModelHttpClient] = {}
        self._lock = threading.Lock()

    async def copy_of(self, client: AsyncOpenAI, *, is_bounded: bool) -> AsyncOpenAI:
        """Return a copy; is_bounded: it doesn't sleep out a long Retry-After."""
        state = (is_bounded, _settings(client))
        kept = self._copies.get(client)
        if kept is not None and kept[0] == state:
            return kept[1]
        http_client = self._http_clients.get(is_bounded)
        if http_client is None:  # making one reads files
            http_client = await asyncio.to_thread(self._make_http_client, is_bounded)
        copied = client.with_options(http_client=http_client)
        self._copies[client] = state, copied
        return copied

    def _make_http_client(self, is_bounded: bool) -> ModelHttpClient:
        hooks = {"response": [abound_retry]} if is_bounded else {}
        with self._lock:
            if is_bounded not in self._http_clients:
                self._http_clients[is_bounded] = ModelHttpClient(event_hooks=hooks)
            return self._http_clients[is_bounded]
