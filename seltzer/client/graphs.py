"""Which graphs a server has, as its /info lists them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from seltzer.client.errors import ServerUnreachable
from seltzer.client.http.connection import DEFAULT_URL, Headers, fetch

PATIENCE_S: Final = 10.0  # a server that has just begun to listen may still be loading its graphs
OPENAPI_KEY: Final = "x-seltzer-graph"  # of POST {path}/runs
_NOT_SELTZER: Final = (
    "the server there isn't Seltzer: neither its /info nor its /openapi.json names a graph; of an app whose"
    " add_routes() serves one at /PATH, ask `--graph /PATH`"
)


@dataclass(frozen=True, slots=True)
class ServedGraph:
    """A graph of the server; one on messages (takes_messages) accepts a question as plain text.

    path is where its routes are, below the server's URL; the client accepts it in place of the name.
    """

    name: str
    takes_messages: bool
    path: str = ""


@dataclass(frozen=True, slots=True)
class BrokenGraph:
    """A graph of the server that can't be loaded; why is for people."""

    name: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Described:
    """What a server has, in its own order."""

    graphs: Sequence[ServedGraph]
    broken: Sequence[BrokenGraph] = ()


async def served_graphs(
    url: str = DEFAULT_URL, *, patience_s: float = PATIENCE_S, headers: Headers | None = None
) -> list[ServedGraph]:
    """Return the graphs in the server's order. Raises ServerUnreachable, also if it isn't Seltzer."""
    return [*(await describe(url, patience_s=patience_s, headers=headers)).graphs]


async def describe(
    url: str, path: str | None = None, *, patience_s: float = PATIENCE_S, headers: Headers | None = None
) -> Described:
    """Return what the server has: by its /info, else, in an app that has only add_routes(), by its OpenAPI.

    path: of a graph that is there, even where nothing lists it.
    Raises ServerUnreachable, also if it isn't Seltzer.
    """
    described = await _by_info(url, patience_s, headers) or await _by_openapi(url, patience_s, headers)
    listed = {each.path for each in described.graphs} | {each.path for each in described.broken}
    if path is not None and path not in listed:
        there = ServedGraph(path, takes_messages=True, path=path)
        described = Described([*described.graphs, there], described.broken)
    if not described.graphs and not described.broken:
        raise ServerUnreachable(url, _NOT_SELTZER)
    return described


async def _by_info(url: str, patience_s: float, headers: Headers | None) -> Described | None:
    if "status" not in await _fetched(url, "/health", patience_s, headers):
        return None
    info = await _fetched(url, "/info", patience_s, headers)
    if not isinstance(info.get("graphs"), list):
        return None
    return Described(
        [ServedGraph(each["name"], each["takes_messages"], each["path"]) for each in info["graphs"]],
        [BrokenGraph(each["name"], each["path"], each["why"]) for each in info.get("broken", ())],
    )


async def _by_openapi(url: str, patience_s: float, headers: Headers | None) -> Described:
    """Return the graphs whose own routes the app documents."""
    try:
        paths = (await _fetched(url, "/openapi.json", patience_s, headers)).get("paths")
    except ServerUnreachable as error:
        raise ServerUnreachable(url, _NOT_SELTZER) from error
    graphs = []
    for path, operations in paths.items() if isinstance(paths, dict) else ():
        graph = operations.get("post", {}).get(OPENAPI_KEY)
        if graph is not None:
            graphs.append(ServedGraph(graph["name"], graph["takes_messages"], path.removesuffix("/runs")))
    return Described(graphs)


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
