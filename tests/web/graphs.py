"""Graphs for the page: one has a form, one asks twice, one asks in the shape of LangChain's middleware."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from langchain_core.messages import AIMessage
from langgraph.func import entrypoint
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from pydantic import Field
from typing_extensions import TypedDict

from tests.web.team import large, team

Answer = dict[str, list[AIMessage]]


class Topic(TypedDict):
    """What a story is about."""

    topic: Annotated[str, Field(description="Anything will do.")]
    length: NotRequired[Literal["short", "long"]]
    loud: NotRequired[bool]
    tone: NotRequired[Annotated[str, Field(default="calm")]]


class Story(Topic):
    """The story, too."""

    story: str


class Reader(TypedDict):
    """Who reads it."""

    name: str
    age: Annotated[int, Field(ge=0)]


def _write(state: Story) -> dict[str, str]:
    text = f"A {state.get('length', 'medium')} story about {state['topic']}."
    return {"story": text.upper() if state.get("loud") else text}


def _review(state: MessagesState) -> Answer:
    request = {"name": "send_email", "args": {"to": "ada@example.org"}, "description": "Sends a mail."}
    config = {"action_name": "send_email", "allowed_decisions": ["approve", "edit", "reject"]}
    answer: Any = interrupt({"action_requests": [request], "review_configs": [config]})
    return {"messages": [AIMessage(f"{answer['decisions']}")]}


def _colour(state: MessagesState) -> Answer:
    return {"messages": [AIMessage(f"in {interrupt('Which colour?')}")]}


def _size(state: MessagesState) -> Answer:
    question = {"question": "How large?", "options": ["small", "large"]}
    return {"messages": [AIMessage(f"and {interrupt(question)}")]}


story = (
    StateGraph(Story, input_schema=Topic, context_schema=Reader)
    .add_node("write", _write)
    .add_edge(START, "write")
    .compile()
)
review = StateGraph(MessagesState).add_node("review", _review).add_edge(START, "review").compile()
two = (
    StateGraph(MessagesState)
    .add_node("colour", _colour)
    .add_node("size", _size)
    .add_edge(START, "colour")
    .add_edge(START, "size")
    .compile()
)


@entrypoint()
async def letters(word: str) -> list[str]:
    """Spell a word: neither its input nor its result is an object."""
    return list(word)


GRAPHS = {"story": story, "review": review, "two": two, "team": team, "large": large(), "letters": letters}
