"""Which graphs a server has, as its /info lists them."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from seltzer.client.errors import ServerUnreachable
from seltzer.client.http.connection import DEFAULT_URL, Headers, fetch

PATIENCE_S: Final = 10.0  # a server that has just begun to listen may still be loading its graphs


@dataclass(frozen=True, slots=True)
class ServedGraph:
    """A graph of the server; one on messages (takes_messages) accepts a question as plain text.

    path is where its routes are, below the server's URL; the client accepts it in place of the name.
    """

    name: str
    takes_messages: bool
    path: str = ""


async def served_graphs(
    url: str = DEFAULT_URL, *, patience_s: float = PATIENCE_S, headers: Headers | None = None
) -> list[ServedGraph]:
    """Return the graphs in the server's order. Raises ServerUnreachable, also if it isn't Seltzer."""
    listed = None
    if "status" in await _fetched(url, "/health", patience_s, headers):
        listed = (await _fetched(url, "/info", patience_s, headers)).get("graphs")
    if not isinstance(listed, list):
        raise ServerUnreachable(url, "the server there isn't Seltzer")
    return [ServedGraph(each["name"], each["takes_messages"], each["path"]) for each in listed]


async def _fetched(url: str, path: str, patience_s: float, headers: Headers | None) -> dict[str, Any]:
    """Return the JSON object there; empty if it is none."""
    response = await fetch(url, path, patience_s, headers)
    if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        why = f"it answers {response.status_code}: a header with the right key is missing"
        raise ServerUnreachable(url, why)
    try:
        value = json.loads(response.content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
