"""The usual way by hand: FastAPI, graph.astream(stream_mode="messages") and sse-starlette."""

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from langchain_core.runnables import Runnable
from pydantic import BaseModel
from sse_starlette import EventSourceResponse

from bench.peers.graph import llm, tool


class Question(BaseModel):
    """What is asked."""

    text: str


app = FastAPI()


async def _tokens(graph: Any, text: str) -> AsyncIterator[dict[str, str]]:
    state = {"messages": [{"role": "user", "content": text}]}
    async for message, _ in graph.astream(state, stream_mode="messages"):
        if message.type == "AIMessageChunk" and message.text:
            yield {"data": json.dumps({"content": message.text})}
    yield {"event": "end", "data": ""}


def mount(path: str, graph: Runnable[Any, Any]) -> None:
    """Serve the graph at the path."""

    @app.post(path)
    async def stream(question: Question) -> EventSourceResponse:
        return EventSourceResponse(_tokens(graph, question.text))


mount("/llm", llm)
mount("/tool", tool)
