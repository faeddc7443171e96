"""What a finished run has for its clients as its output."""

from seltzer.runs.event import Json
from seltzer.runs.execution.translation.translator import Translator
from seltzer.runs.graph import Graph
from seltzer.runs.jsonable import to_json
from seltzer.runs.messages.spellings import messages_in
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.repair.open_calls import open_calls


def run_output(spec: RunSpec, graph: Graph, translator: Translator) -> Json:
    """Return what the graph has returned; where that is messages, the answer's text.

    Where the run ends on tool calls, which are its client's to run, it is `{text, tool_calls}`; but not of an
    attached run, whose protocols have a text.
    """
    returned = translator.returned
    is_text = graph.takes_messages and isinstance(returned, str)
    calls = open_calls(messages_in(translator.values)) if is_text and not spec.attached else []
    if not calls:
        return returned
    shown = [{key: call.get(key) for key in ("name", "args", "id")} for call in calls]
    return {"text": returned, "tool_calls": to_json(shown)}
