"""The prefix under which a proxy serves this server, and which it removes from a request's path."""

import ipaddress
import re
from collections.abc import Collection
from typing import Final, TypeAlias

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9_~.-]+)+")
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class ProxyPrefix:
    """ASGI middleware that puts the removed prefix back, as root_path, so that every URL carries it.

    root_path: the prefix of a proxy that doesn't send it. trusted: addresses and networks of proxies whose
    X-Forwarded-Prefix counts; anybody else's is ignored. One that removes several prefixes sends each in the
    order in which it has removed them, in a header of its own or after a comma (Traefik, Spring).
    """

    def __init__(self, app: ASGIApp, *, root_path: str = "", trusted: Collection[_Network] = ()) -> None:
        self._app = app
        self._root_path = root_path
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (prefix := self._prefix(scope)):
            scope = {
                **scope,
                "root_path": prefix + scope.get("root_path", ""),
                "path": prefix + scope["path"],
            }
        await self._app(scope, receive, send)

    def _prefix(self, scope: Scope) -> str:
        if self._trusted and _is_within(scope, self._trusted):
            sent = ",".join(Headers(scope=scope).getlist("x-forwarded-prefix")).split(",")
            prefixes = [prefix for each in sent if (prefix := each.strip().rstrip("/"))]
            if prefixes and all(map(_PREFIX.fullmatch, prefixes)):
                return "".join(prefixes)
        return self._root_path


def _is_within(scope: Scope, networks: tuple[_Network, ...]) -> bool:
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return False
    return any(address in each for each in networks)
