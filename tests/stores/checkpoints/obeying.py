"""A graph that does to its thread what its input orders, for laws about threads that change."""

from typing import Any, Final

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES

from tests.stores.conversing import Talk, graph

MANY: Final = 20  # messages: more than stay inline
VERBS: Final = ("say", "replace", "edit", "deepen", "touch", "remove", "clear", "whole")


class Commanded(Talk):
    """A thread whose node does what its input orders."""

    verb: str
    at: int
    turn: int


def _obey(state: Commanded) -> Any:
    """Do what a node may do to its thread, and what LangGraph lets one get away with."""
    messages, at = state["messages"], state["at"] % len(state["messages"])
    message, text = messages[at], f"by turn {state['turn']}"
    match state["verb"]:
        case "replace":
            return {"messages": [AIMessage(text, id=message.id)]}
        case "edit":
            message.content = text
            return {"messages": [message]}
        case "deepen":
            message.additional_kwargs["at"] = text
            return {"messages": [message]}
        case "touch":  # changes the last message before the question in place
            messages[-2].content = text
            return {}
        case "remove" if len(messages) > 1:
            return {"messages": [RemoveMessage(str(message.id))]}
        case "clear":
            return {"messages": [RemoveMessage(REMOVE_ALL_MESSAGES), AIMessage(text, id=text)]}
        case "whole":
            return {"messages": list(messages)}
        case _:
            return {"messages": [AIMessage(text, id=text)]}


obeying = graph(_obey, Commanded)


def input_for(verb: str, at: int, number: int) -> Any:
    ids = [f"{n}" for n in range(MANY)] if verb == "begin" else [f"do {number}"]
    messages = [HumanMessage("do", id=each) for each in ids]
    return {"messages": messages, "verb": verb, "at": at, "turn": number}
