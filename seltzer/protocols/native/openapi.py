"""What /docs says of the native routes: parameters and bodies, which the routes check by themselves."""

from typing import Any, Final

_Json = dict[str, Any]


def _parameter(name: str, place: str, schema: _Json, description: str = "") -> _Json:
    said = {"description": description} if description else {}
    return {"name": name, "in": place, "required": place == "path", "schema": schema, **said}


def _body(schema: _Json, example: _Json) -> _Json:
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


_TEXT: Final = {"type": "string"}
_GRAPH: Final = _parameter("graph", "path", {"type": "string", "example": "agent"})
_RUN_ID: Final = _parameter("run_id", "path", {"type": "string", "format": "uuid"})
_THREAD_ID: Final = _parameter("thread_id", "path", _TEXT)
_KEY: Final = _parameter(
    "Idempotency-Key", "header", _TEXT, "The same key and body: the same run, however often it is sent."
)
_ACCEPT: Final = _parameter(
    "Accept", "header", _TEXT, "text/event-stream: answer with the run's events. The run outlives the answer."
)


def _page(default: int) -> _Json:
    return _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 100, "default": default})


START: Final = {
    "parameters": [_GRAPH, _KEY, _ACCEPT],
    "requestBody": _body(
        {
            "type": "object",
            "required": ["input"],
            "additionalProperties": False,
            "properties": {
                "input": {"description": "The graph's input; of a graph on messages also a string."},
                "thread_id": {
                    "type": "string",
                    "description": "The conversation to go on with, or to begin.",
                },
                "config": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "configurable": {"type": "object"},
                        "recursion_limit": {"type": "integer", "minimum": 1, "maximum": 50},
                    },
                },
                "on_busy": {
                    "enum": ["reject", "enqueue", "interrupt", "rollback"],
                    "default": "reject",
                    "description": "What to do while the thread has another run.",
                },
                "from_checkpoint": {
                    "type": "string",
                    "description": "The checkpoint of the thread to go on from, instead of its newest.",
                },
            },
        },
        {"input": "what is the square root of 71?"},
    ),
}
RUN: Final = {"parameters": [_GRAPH, _RUN_ID]}
EVENTS: Final = {
    "parameters": [
        _GRAPH,
        _RUN_ID,
        _parameter("Last-Event-ID", "header", _TEXT, "Go on behind this event; wins over `after`."),
        _parameter("after", "query", {"type": "string", "example": "1-17"}, "Go on behind this event."),
    ],
    "responses": {
        "200": {
            "description": "The run's events, up to its last one.",
            "content": {"text/event-stream": {"schema": _TEXT}},
        },
        "204": {"description": "The run has ended, and there is nothing behind that event."},
    },
}
RESUME: Final = {
    "parameters": [_GRAPH, _RUN_ID, _KEY, _ACCEPT],
    "requestBody": _body(
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "resume": {"description": "The answer: any JSON."},
                "interrupt_id": {"type": "string", "description": "Which interrupt it answers, of several."},
                "answers": {"type": "object", "description": "Instead of these: answers by interrupt id."},
            },
        },
        {"resume": True},
    ),
}
THREADS: Final = {
    "parameters": [
        _GRAPH,
        _parameter("q", "query", _TEXT, "Only threads whose title contains this."),
        _page(20),
        _parameter("cursor", "query", _TEXT, "The next_cursor of the page before."),
    ]
}
THREAD: Final = {"parameters": [_GRAPH, _THREAD_ID]}
HISTORY: Final = {
    "parameters": [
        _GRAPH,
        _THREAD_ID,
        _page(10),
        _parameter("before", "query", _TEXT, "Only states older than this checkpoint."),
    ]
}
TITLE: Final = {
    "parameters": [_GRAPH, _THREAD_ID],
    "requestBody": _body(
        {
            "type": "object",
            "required": ["title"],
            "additionalProperties": False,
            "properties": {"title": {"type": "string", "minLength": 1, "maxLength": 200}},
        },
        {"title": "Square roots"},
    ),
}
GRAPH: Final = {"parameters": [_GRAPH]}
