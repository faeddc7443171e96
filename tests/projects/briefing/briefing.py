"""Researches in a loop that is longer than any default limit, then writes for its reader."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from langchain_core.language_models import SimpleChatModel
from langchain_core.messages import AIMessageChunk, AnyMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.runtime import Runtime

SOURCES = 130


@dataclass
class Reader:
    name: str = "everybody"
    tone: Literal["brief", "warm"] = "brief"


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    topic: str
    sources: int


class Writer(SimpleChatModel):
    @property
    def _llm_type(self) -> str:
        return "writer"

    def _call(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
        return messages[-1].text

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        for index, word in enumerate(messages[-1].text.split(" ")):
            yield ChatGenerationChunk(message=AIMessageChunk(f" {word}" if index else word))
        yield ChatGenerationChunk(message=AIMessageChunk("", response_metadata={"finish_reason": "stop"}))


def read(state: State) -> State:
    return {"sources": state.get("sources", 0) + 1}


def has_enough(state: State) -> Literal["read", "write"]:
    return "write" if state["sources"] >= SOURCES else "read"


async def write(state: State, config: RunnableConfig, runtime: Runtime[Reader]) -> State:
    reader, language = runtime.context or Reader(), config["configurable"].get("language", "English")
    topic = state.get("topic", "nothing")
    text = f"{reader.tone} {language} for {reader.name} on {topic} from {state['sources']} sources"
    return {"messages": [await Writer().ainvoke(text)], "sources": 0}


builder = StateGraph(State, context_schema=Reader)
builder.add_node("read", read)
builder.add_node("write", write)
builder.add_edge(START, "read")
builder.add_conditional_edges("read", has_enough)
builder.add_edge("write", END)
app = builder.compile(name="briefing").with_config({"recursion_limit": 200})
