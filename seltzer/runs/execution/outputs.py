"""What a finished run has for its clients as its output."""

from seltzer.runs.event import Json
from seltzer.runs.execution.translation.translator import Translator
from seltzer.runs.graph import Graph
from seltzer.runs.jsonable import to_json
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.open_calls import open_calls
from seltzer.runs.threads.results import messages_of


def output(spec: RunSpec, graph: Graph, translator: Translator) -> Json:
    """Return the answer's text, of a graph on messages; any other graph's state.

    Where the run ends on tool calls, which are its client's to run, it is `{text, tool_calls}`; but not of an
    attached run, whose protocols have a text.
    """
    if not graph.takes_messages:
        return to_json(translator.values)
    calls = [] if spec.attached else open_calls(messages_of(translator.values))
    if not calls:
        return translator.answer
    shown = [{key: call.get(key) for key in ("name", "args", "id")} for call in calls]
    return {"text": translator.answer, "tool_calls": to_json(shown)}
