"""Graphs and texts that show the page at its best: what the screenshots are made of."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from tests.golden.graphs import Chunks, Model, calling, counted

QUESTION = "How does a run survive a restart of the server?"
ANSWER = """Every event of a run is written to a **log** before the run counts as done, and each has a place \
in it: `attempt-seq`.

1. The server is killed while the answer streams.
2. On its return the run's lease has expired, so it is claimed again as attempt 2.
3. The reader comes back with its last cursor, gets `started` and `state`, and continues.

| Event | Data | Kept in the log |
|:------|:-----|:---:|
| `token` | one chunk of the model | yes |
| `tool_call` | name and arguments | yes |
| `finished` | output and usage | yes, and in the row |

```python
from seltzer.client import Client, Token

client = Client("http://127.0.0.1:8000")
for part in client.stream("What is 6 x 7?", graph="agent"):
    if isinstance(part, Token):
        print(part.text, end="", flush=True)
```

With $n$ readers a token costs $O(n)$ writes to sockets and $O(1)$ to the log:

$$
\\text{cost} = \\sum_{i=1}^{n} w_i + c_{\\text{log}}
$$
"""
QUESTIONS = {
    "en": QUESTION,
    "ja": "サーバーが再起動しても、実行はどのように続きますか？",
    "zh": "服务器重启之后，运行是如何继续的？",
}
ANSWERS = {
    "en": ANSWER,
    "ja": "実行のイベントはすべて**ログ**に書かれ、`attempt-seq`という位置を持ちます。\n\n"
    "1. 回答の途中でサーバーが止まります。\n2. 再起動すると、実行は2回目の試行として引き継がれます。\n"
    "3. 読み手は最後のカーソルから続きを受け取ります。\n\n同じトークンが二度表示されることはありません。",
    "zh": "运行的每个事件都会写入**日志**，并带有位置 `attempt-seq`。\n\n"
    "1. 回答进行到一半时，服务器停止。\n2. 重启之后，这次运行作为第 2 次尝试被重新认领。\n"
    "3. 读者从最后的游标继续接收。\n\n同一个词元不会出现两次。",
}


class Gate:
    """Where a graph waits until the picture is made."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()

    async def passed(self) -> None:
        await asyncio.to_thread(self._open.wait)


gate = Gate()


@tool
def search_web(query: str) -> str:
    """Search the web."""
    return f"3 results for {query!r}: langchain-ai.github.io, docs.python.org, whatwg.org"


def _plan(messages: Sequence[BaseMessage]) -> Chunks:
    thought = "They want sources, not opinions. I split it into two searches, then compare what they found."
    return [
        {"additional_kwargs": {"reasoning_content": thought}},
        "First search, then compare.",
        counted(412, 38),
    ]


def _search(messages: Sequence[BaseMessage]) -> Chunks:
    if messages[-1].type == "tool":
        return ["Both servers stream", " over SSE; only one keeps a log.", counted(655, 21)]
    return [*calling("search_web", '{"query": "resume a stream by cursor"}', "call-s1"), counted(520, 17)]


def _write(messages: Sequence[BaseMessage]) -> Chunks:
    return [
        "A stream can be resumed when each event has a place",
        " and the server keeps a log of them: the reader names the last one it has,",
        " and gets what comes after it, **once and in order**.",
        counted(1180, 64),
    ]


async def _planned(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await Model(script=_plan).ainvoke(state["messages"])]}


async def _searched(state: MessagesState) -> dict[str, Any]:
    answer = await Model(script=_search).ainvoke(state["messages"])
    if state["messages"][-1].type == "tool":
        await gate.passed()
    return {"messages": [answer]}


async def _written(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await Model(script=_write).ainvoke(state["messages"])]}


def _has_calls(state: MessagesState) -> str:
    last = state["messages"][-1]
    return "tools" if isinstance(last, AIMessage) and last.tool_calls else END


_searcher = (
    StateGraph(MessagesState)
    .add_node("search", _searched)
    .add_node("tools", ToolNode([search_web]))
    .add_edge(START, "search")
    .add_conditional_edges("search", _has_calls, ["tools", END])
    .add_edge("tools", "search")
    .compile()
)
researcher = (
    StateGraph(MessagesState)
    .add_node("plan", _planned)
    .add_node("research", _searcher)
    .add_node("write", _written)
    .add_edge(START, "plan")
    .add_edge("plan", "research")
    .add_edge("research", "write")
    .add_edge("write", END)
    .compile()
)
