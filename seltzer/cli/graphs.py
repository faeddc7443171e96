"""`seltzer graphs`: the graphs that langgraph.json names."""

import asyncio
import json
import sys
import traceback
from typing import Any

from seltzer.cli.serve.banner import broken_lines, graph_lines, kind_of
from seltzer.errors import AppError
from seltzer.main import load_graphs
from seltzer.runs.graph import BrokenGraph, Graph
from seltzer.settings import Settings


def run(settings: Settings, *, as_json: bool, verbose: bool = False) -> int:
    """Print the graphs on stdout.

    Those that can't be loaded are listed after the others, and make the exit code 1; so does a file that
    can't be used, whose error goes to stderr. verbose: the tracebacks go there, too.
    """
    try:
        catalog = load_graphs(settings)
        asyncio.run(catalog.open())
    except AppError as error:
        if verbose:
            _print_traceback(error)
        print(error, file=sys.stderr)
        return 1
    graphs, broken = list(catalog.graphs.values()), list(catalog.broken.values())
    for each in broken if verbose else ():
        _print_traceback(each.reason)
    if as_json:
        listed = [*map(_described, graphs), *map(_described_as_broken, broken)]
        print(json.dumps(listed, ensure_ascii=False, indent=2))
    else:
        print("\n".join([*graph_lines(graphs), *(f"{line}  (broken)" for line in broken_lines(broken))]))
    return 1 if broken else 0


def _print_traceback(error: AppError) -> None:
    """Print what a graph's own code raised."""
    if error.__cause__ is not None:
        print(*traceback.format_exception(error.__cause__), sep="", file=sys.stderr)


def _described(graph: Graph) -> dict[str, Any]:
    return {
        "name": graph.name,
        "path": graph.path,
        "kind": kind_of(graph),
        "file": str(graph.file),
        "line": graph.line,
        "description": graph.description,
    }


def _described_as_broken(broken: BrokenGraph) -> dict[str, Any]:
    return {"name": broken.name, "path": broken.path, "kind": "broken", "why": broken.reason.why}
