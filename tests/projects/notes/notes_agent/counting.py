"""What both graphs do: count the questions in the store, and answer with the count."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import SimpleChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import BaseStore

PLACE = ("notes",)


class CountingModel(SimpleChatModel):
    """A model that needs no key: it repeats the last message, a word at a time."""

    @property
    def _llm_type(self) -> str:
        return "counting"

    def _call(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
        return messages[-1].text

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        for index, word in enumerate(messages[-1].text.split(" ")):
            yield ChatGenerationChunk(message=AIMessageChunk(f" {word}" if index else word))
        yield ChatGenerationChunk(message=AIMessageChunk("", response_metadata={"finish_reason": "stop"}))


def make(own: BaseStore | None = None) -> StateGraph:
    async def count(state: MessagesState, store: BaseStore) -> dict:
        found = await store.aget(PLACE, "questions")
        number = (found.value["count"] if found else 0) + 1
        await store.aput(PLACE, "questions", {"count": number})
        text = f"question number {number} in {'my own' if store is own else 'the shared'} store"
        return {"messages": [await CountingModel().ainvoke(text)]}

    return StateGraph(MessagesState).add_node("count", count).add_edge(START, "count")
