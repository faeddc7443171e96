"""What a finished run has for its clients as its output."""

from seltzer.runs.event import Json
from seltzer.runs.execution.translation.translator import Translator
from seltzer.runs.graph import Graph
from seltzer.runs.jsonable import to_json


def output(graph: Graph, translator: Translator) -> Json:
    """Return the answer's text, of a graph on messages; any other graph's state."""
    return translator.answer if graph.takes_messages else to_json(translator.values)
