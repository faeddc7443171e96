"""The chat models' HTTP client: httpx2's AsyncClient over connections of our own."""

from typing import Any
from urllib.request import getproxies

import httpx2
from openai import DefaultAsyncHttpxClient

from seltzer.models.openai.accelerated.http.repeated_requests import RepeatedRequests
from seltzer.models.openai.accelerated.http.transport import PORTS, Transport


class ModelHttpClient(DefaultAsyncHttpxClient):
    """The SDK's client over connections of our own. It may be made outside any event loop.

    keep_alive_s: how long an idle connection stays pooled. Servers close theirs sooner or later, and a
    request would run into it. repeated: opens streams for the SDK's clients that have this one.
    """

    def __init__(self, *, keep_alive_s: float = 5.0, **options: Any) -> None:
        transport, proxies = Transport(httpx2.create_ssl_context(), keep_alive_s), getproxies()
        self.repeated = RepeatedRequests(options.get("event_hooks", {}))
        proxies.pop("no", None)
        if not proxies:
            super().__init__(transport=transport, **options)
            return
        # A `transport=` would switch off all proxies of the environment.
        direct = () if "all" in proxies else [scheme for scheme in PORTS if scheme not in proxies]
        super().__init__(mounts={f"{scheme}://": transport for scheme in direct}, **options)
