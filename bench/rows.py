"""The rows of the table: which server, asked how, and how its tokens and its end look on the wire."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

SAY: Final = "SAY"  # where a body says what the upstream is to do
EVENTS: Final = "accept: text/event-stream"


@dataclass(frozen=True, slots=True)
class Row:
    """One way to ask one server. `end` is what a whole answer has in its body besides its tokens.

    is_plain: tokens are bare text, else each is a JSON string of its own.
    """

    name: str
    server: str
    path: str
    body: str
    end: str | None = None
    headers: tuple[str, ...] = ()
    is_plain: bool = False
    title: str = ""

    def asking(self, tokens: int, delay_ms: int, *, with_tool: bool = False) -> str:
        """Return the body that makes the upstream say so many tokens; %d is the request's number."""
        marker = f"[[{tokens} {delay_ms}{' tool' if with_tool else ''}]]"
        return self.body.replace(SAY, f"{marker} question %d")

    def on_tool_graph(self) -> str:
        """Return the path of the graph that calls a tool first."""
        return self.path.replace("/llm", "/tool", 1)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


_JSON: Final = "content-type: application/json"
_HUMAN: Final = {"messages": [{"type": "human", "content": SAY}]}
_SERVE: Final = _json({"input": SAY, "config": {}, "kwargs": {}})

UPSTREAM: Final = Row(
    "upstream",
    "upstream",
    "/v1/chat/completions",
    _json({"messages": [{"role": "user", "content": SAY}], "stream_options": {"include_usage": True}}),
    end="[DONE]",
    headers=(_JSON,),
    title="the upstream itself",
)
PASSTHROUGH: Final = Row(
    "passthrough",
    "passthrough",
    UPSTREAM.path,
    UPSTREAM.body,
    end="[DONE]",
    headers=(_JSON,),
    title="passthrough: starlette + httpx",
)
NATIVE: Final = Row(
    "native",
    "seltzer",
    "/llm/runs",
    _json({"input": SAY}),
    end="event: finished",
    headers=(_JSON, EVENTS),
    title="Seltzer `/llm/runs`",
)
CHAT: Final = Row(
    "chat",
    "seltzer",
    "/chat",
    _json({"text": SAY}),
    headers=(_JSON,),
    is_plain=True,
    title="Seltzer `/chat`",
)
STREAM: Final = Row(
    "stream",
    "seltzer",
    "/llm/stream",
    _SERVE,
    end="event: end",
    headers=(_JSON,),
    title="Seltzer LangServe `/llm/stream`",
)
STREAM_EVENTS: Final = Row(
    "stream_events",
    "seltzer",
    "/llm/stream_events",
    _SERVE,
    end="event: end",
    headers=(_JSON,),
    title="Seltzer LangServe `/llm/stream_events`",
)
STOCK: Final = replace(
    NATIVE, name="stock", path="/stock/runs", title="Seltzer `/runs`, a plain `ChatOpenAI` in the graph"
)
AGENT: Final = replace(
    NATIVE, name="agent", path="/agent/runs", title="Seltzer `/runs`, a plain `ChatOpenAI` in `create_agent`"
)
STOCK_EVENTS: Final = replace(
    STREAM_EVENTS,
    name="stock_events",
    path="/stock/stream_events",
    title="Seltzer LangServe `/stream_events`, a plain `ChatOpenAI` in the graph",
)
POSTGRES: Final = replace(
    NATIVE, name="postgres", server="seltzer_postgres", title="Seltzer `/llm/runs`, on Postgres"
)
ASTREAM: Final = Row(
    "fastapi",
    "fastapi",
    "/llm",
    _json({"text": SAY}),
    end="event: end",
    headers=(_JSON,),
    title='FastAPI + `graph.astream("messages")` + sse-starlette',
)
LANGSERVE: Final = Row(
    "langserve",
    "langserve",
    "/llm/stream_events",
    _json({"input": _HUMAN, "config": {}, "kwargs": {}}),
    end="event: end",
    headers=(_JSON,),
    title="LangServe `/stream_events` on the graph",
)
LANGGRAPH_DEV: Final = Row(
    "langgraph_dev",
    "langgraph_dev",
    "/runs/stream",
    _json({"assistant_id": "llm", "input": _HUMAN, "stream_mode": ["messages-tuple"]}),
    headers=(_JSON,),
    title="langgraph dev, `messages-tuple`",
)

OTHERS: Final = tuple(
    row
    for name, model in (
        ("anthropic", "ChatAnthropic"),
        ("ollama", "ChatOllama"),
        ("gemini", "ChatGoogleGenerativeAI"),
    )
    for row in (
        replace(
            NATIVE,
            name=name,
            server="seltzer_others",
            path=f"/{name}/runs",
            title=f"Seltzer `/runs`, `{model}` in the graph",
        ),
        replace(
            ASTREAM,
            name=f"fastapi_{name}",
            server="fastapi_others",
            path=f"/{name}",
            title=f"FastAPI + `graph.astream` on the same `{model}`",
        ),
    )
)
ROWS: Final = (
    *(PASSTHROUGH, NATIVE, POSTGRES, CHAT, STREAM, STREAM_EVENTS, STOCK, AGENT, STOCK_EVENTS),
    *(ASTREAM, LANGSERVE, LANGGRAPH_DEV),
)
