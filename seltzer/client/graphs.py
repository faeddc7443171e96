"""Which graphs a server has, as its own description of its routes (OpenAPI) tells."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

import httpx

from seltzer.client.errors import ServerUnreachable
from seltzer.client.http.connection import DEFAULT_URL, fetched

PATIENCE_S: Final = 10.0  # a server that has just begun to listen may still be loading its graphs
_GRAPH = re.compile(r"/([^/{}]+)/stream_events")


@dataclass(frozen=True, slots=True)
class ServedGraph:
    """A graph on offer; one that takes messages can be asked a question."""

    name: str
    takes_messages: bool


async def served_graphs(url: str = DEFAULT_URL, *, patience_s: float = PATIENCE_S) -> list[ServedGraph]:
    """Return the server's graphs in its own order. Raises ServerUnreachable, also if it isn't a Seltzer."""
    health = _object(await fetched(url, "/health", patience_s))
    described = _object(await fetched(url, "/openapi.json", patience_s)) if "status" in health else {}
    paths = described.get("paths")
    if not isinstance(paths, dict):
        raise ServerUnreachable(url, "what answers there isn't Seltzer")
    names = [match[1] for match in map(_GRAPH.fullmatch, paths) if match]
    return [ServedGraph(name, any(path.startswith(f"/{name}/chat/") for path in paths)) for name in names]


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        value = json.loads(response.content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
