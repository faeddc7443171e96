"""`seltzer graphs`: the graphs that langgraph.json names."""

import json
import sys

from seltzer.cli.serve.banner import graph_lines, kind_of
from seltzer.errors import AppError
from seltzer.main import load_graphs
from seltzer.settings import Settings


def run(settings: Settings, *, as_json: bool) -> int:
    """Print the graphs on stdout; load errors go to stderr, exit code 1."""
    try:
        graphs = list(load_graphs(settings).values())
    except AppError as error:
        print(error, file=sys.stderr)
        return 1
    if as_json:
        listed = [
            {
                "name": graph.name,
                "kind": kind_of(graph),
                "file": str(graph.file),
                "line": graph.line,
                "description": graph.description,
            }
            for graph in graphs
        ]
        print(json.dumps(listed, ensure_ascii=False, indent=2))
    else:
        print("\n".join(graph_lines(graphs)))
    return 0
