"""Which hosts and pages may send requests.

A web page must not reach a server that trusts whoever can reach its port.
"""

import ipaddress
import logging
from collections.abc import Collection
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from seltzer.errors import AppError, ForeignHost, ForeignOrigin
from seltzer.guards.faults import problem
from seltzer.guards.headers import check_single

log = logging.getLogger(__name__)

_MOST_REFUSED: Final = 100  # pages that the log names
_SHOWN_CHARS: Final = 200
_POLICY_VIOLATION: Final = 1008  # RFC 6455


class HostGuard:
    """ASGI middleware that refuses foreign Hosts and Origins.

    On a loopback bind, a request for another name (DNS rebinding) gets 421. An Origin that isn't the
    server's own gets 403, whatever the bind. allowed_hosts are names to accept besides, of hosts and of
    origins; allowed_origins are whole origins, for CrossOrigin.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        is_loopback: bool,
        allowed_hosts: Collection[str],
        allowed_origins: Collection[str] = (),
    ) -> None:
        self._app = app
        self._is_loopback = is_loopback
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self._allowed_origins = frozenset(allowed_origins)
        self._refused: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            check_single(scope)
            self._check(Headers(scope=scope), is_local=self._is_loopback and is_loopback(_own_name(scope)))
        except AppError as error:
            is_socket = scope["type"] == "websocket"
            refusal: ASGIApp = WebSocketClose(_POLICY_VIOLATION) if is_socket else problem(error, scope)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, headers: Headers, *, is_local: bool) -> None:
        host = headers.get("host", "")
        name = _name(host)
        if is_local and not is_loopback(name) and name not in self._allowed_hosts:
            raise ForeignHost(f"this server doesn't answer for {name!r}; allow it by SELTZER_ALLOWED_HOSTS")
        origin = headers.get("origin")
        is_embedded = headers.get("sec-fetch-mode") != "navigate"  # an image, a script: these send no Origin
        if origin is None and headers.get("sec-fetch-site") == "cross-site" and is_embedded:
            raise ForeignOrigin("pages of other sites may not use this server")
        if origin is None or origin.lower() in self._allowed_origins:
            return
        if _host_of(origin) != host.lower() and _name(_host_of(origin)) not in self._allowed_hosts:
            self._warn_of(origin, host)
            raise ForeignOrigin(
                f"pages of {origin!r} may not use this server, which was asked as {host!r}. Behind a proxy, "
                "let it pass the Host header on; else allow the page by SELTZER_ALLOWED_ORIGINS"
            )

    def _warn_of(self, origin: str, host: str) -> None:
        """Log a refused page once: it retries again and again, and behind a proxy it stays blank."""
        if (origin, host) in self._refused or len(self._refused) == _MOST_REFUSED:
            return
        self._refused.add((origin, host))
        log.warning(
            "refused a page of %r, as the Host header names %r. If a proxy stands between, let it pass Host "
            "on (nginx: proxy_set_header Host $http_host;), else allow the page by SELTZER_ALLOWED_ORIGINS",
            origin[:_SHOWN_CHARS],
            host[:_SHOWN_CHARS],
        )


class PageCheck:
    """Refuses the pages of other sites where a mere link would start a run: a browser sends cookies with it.

    It needs no HostGuard around the app. allowed_hosts are names of pages to accept, allowed_origins their
    whole origins.
    """

    def __init__(self, allowed_hosts: Collection[str], allowed_origins: Collection[str] = ()) -> None:
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self._allowed_origins = frozenset(allowed_origins)

    def check(self, request: Request) -> None:
        """Raise ForeignOrigin if a page of another site has made the request."""
        origin = request.headers.get("origin", "")
        is_foreign = request.headers.get("sec-fetch-site") == "cross-site"
        if not is_foreign or origin.lower() in self._allowed_origins:
            return
        if _name(_host_of(origin)) not in self._allowed_hosts:
            raise ForeignOrigin("pages of other sites may not ask here; send a POST, or a link to the page")


@lru_cache(maxsize=8)  # a server is reached by few names
def is_loopback(name: str) -> bool:
    """Return whether the name or address can only mean this machine."""
    if name.lower() == "localhost" or name.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _own_name(scope: Scope) -> str:
    """Return the address that received the request: without `seltzer serve` a server may have others."""
    server = scope.get("server")
    return str(server[0]) if server else ""


def _host_of(origin: str) -> str:
    """Return an Origin's host and port, in lower case."""
    return origin.partition("://")[2].lower()


def _name(host: str) -> str:
    """Return a Host header's name without its port, in lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
