"""An input on the wire -> the graph's input, the same by every protocol."""

from typing import Any, Final

from seltzer.errors import InvalidInput
from seltzer.protocols.http.bodies.messages import InputLimits, parse_input, title_of
from seltzer.runs.graph import Graph
from seltzer.runs.ids import new_id

_SHOWN_CHARS: Final = 100


def parse_run_input(value: Any, place: str, graph: Graph, limits: InputLimits) -> tuple[Any, str]:
    """Return the graph's input, and the title of a thread that begins with it.

    A graph on messages gets them as LangChain's, and the state's other keys as they are. Raises InvalidInput
    naming the field.
    """
    if value is None:
        raise InvalidInput(place, "must not be null")
    is_object = isinstance(value, dict) and not graph.schemas.takes_message_list
    if not graph.takes_messages or is_object:
        value = _without_prompt_type(value) if graph.takes_messages else value
        problem = graph.schemas.input_problem(value)
        if problem is not None:
            path, reason = problem
            raise InvalidInput(f"{place}.{path[:_SHOWN_CHARS]}" if path else place, reason)
    if not graph.takes_messages:
        return value, ""
    if is_object and "messages" not in value:
        raise InvalidInput(f"{place}.messages", "is missing")
    messages = parse_input(value, place, limits)
    for message in messages:
        message.id = message.id or new_id()  # a retry that sends it again adds it only once
    others = value if isinstance(value, dict) else {}
    return graph.message_input(messages, others), title_of(messages)


def _without_prompt_type(value: dict[str, Any]) -> dict[str, Any]:
    """Return a prompt's output, which names its class, as the input that it is."""
    is_prompt = isinstance(value.get("type"), str) and value["type"].endswith("PromptValue")
    if is_prompt and "messages" not in value:
        return {"messages": value.get("text")}
    return {key: each for key, each in value.items() if key != "type"} if is_prompt else value
