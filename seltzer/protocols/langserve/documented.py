"""What OpenAPI shows of a graph's LangServe routes: each endpoint once, by what it does.

Its twins aren't shown: /c/{config_hash}/.., of a config in the address, and those of the chat playground.
"""

from typing import Final

from fastapi import APIRouter
from fastapi.routing import APIRoute

_SUMMARIES: Final = {
    "invoke": "Run the graph, and get its output",
    "stream": "Run the graph, and stream its answer",
    "batch": "Run the graph on several inputs",
    "stream_events": "Run the graph, and stream LangChain's events of its steps",
    "stream_log": "Run the graph, and stream its steps as JSON patches",
    "input_schema": "Get the schema of the graph's input",
    "output_schema": "Get the schema of the graph's output",
    "config_schema": "Get the schema of the graph's config",
}


def document(routes: APIRouter, graph: str, path: str) -> None:
    """Give the graph's routes at path their tag, summaries and order; hide the twins."""
    shown = {f"{path}/{name}": summary for name, summary in _SUMMARIES.items()}
    for route in routes.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            route.include_in_schema = route.path in shown
            route.summary = shown.get(route.path, route.summary)
            route.tags = [f"{graph}: LangServe"]
    places = {each: number for number, each in enumerate(shown)}
    routes.routes.sort(key=lambda route: places.get(getattr(route, "path", ""), len(places)))
