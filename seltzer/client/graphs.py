"""Which graphs a server has, as its /info lists them."""

import json
from dataclasses import dataclass
from typing import Any, Final

import httpx

from seltzer.client.errors import ServerUnreachable
from seltzer.client.http.connection import DEFAULT_URL, fetch

PATIENCE_S: Final = 10.0  # a server that has just begun to listen may still be loading its graphs


@dataclass(frozen=True, slots=True)
class ServedGraph:
    """A graph of the server; one on messages (takes_messages) accepts a question as plain text.

    path is where its routes are, below the server's URL; the client accepts it in place of the name.
    """

    name: str
    takes_messages: bool
    path: str = ""


async def served_graphs(url: str = DEFAULT_URL, *, patience_s: float = PATIENCE_S) -> list[ServedGraph]:
    """Return the graphs in the server's order. Raises ServerUnreachable, also if it isn't Seltzer."""
    health = _object(await fetch(url, "/health", patience_s))
    listed = _object(await fetch(url, "/info", patience_s)).get("graphs") if "status" in health else None
    if not isinstance(listed, list):
        raise ServerUnreachable(url, "the server there isn't Seltzer")
    return [ServedGraph(each["name"], each["takes_messages"], each["path"]) for each in listed]


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        value = json.loads(response.content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
