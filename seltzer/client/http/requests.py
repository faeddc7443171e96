"""The requests the client makes of the native routes, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, TypedDict
from urllib.parse import quote, urlencode
from uuid import uuid4

Query: TypeAlias = str | Mapping[str, Any]  # a question, or a graph's own input

_STREAM: Final = {"accept": "text/event-stream"}
_JSON: Final = {"accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. path begins with a slash; body is sent as JSON, None is none."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class RunOptions(TypedDict, total=False):
    """How a run is started. Without a thread_id the server begins a new thread.

    on_busy: what to do while another run writes to the thread. config: `{"configurable": {..},
    "recursion_limit": n, "tags": [..], "metadata": {..}, "run_name": ".."}`. context: what the graph's
    context_schema declares. from_checkpoint: fork the thread from there.
    """

    thread_id: str | None
    on_busy: Literal["reject", "enqueue", "interrupt", "rollback"] | None
    config: Mapping[str, Any] | None
    context: Mapping[str, Any] | None
    from_checkpoint: str | None


def start(graph: str, query: Query, options: RunOptions, *, streams: bool) -> Ask:
    """Start a run. It carries a key of its own: however often it is sent, it starts one run."""
    body = {"input": query, **{name: value for name, value in options.items() if value is not None}}
    return Ask("POST", _path(graph, "runs"), body, _headers(streams=streams))


def resume(graph: str, run_id: str, answer: Any, interrupt_id: str | None) -> Ask:
    """Answer an interrupt of a run: the one with that id, or the only one."""
    body = {"resume": answer} if interrupt_id is None else {"resume": answer, "interrupt_id": interrupt_id}
    return Ask("POST", _path(graph, "runs", run_id, "resume"), body, _headers(streams=True))


def resume_all(graph: str, run_id: str, answers: Mapping[str, Any]) -> Ask:
    """Answer the interrupts of a run, by their ids; without any it continues from a breakpoint."""
    body = {"answers": answers} if answers else {"resume": None}
    return Ask("POST", _path(graph, "runs", run_id, "resume"), body, _headers(streams=True))


def events(graph: str, run_id: str, after: str) -> Ask:
    """Read what a run says behind the cursor; "" is from the start."""
    headers = {**_STREAM, "last-event-id": after} if after else _STREAM
    return Ask("GET", _path(graph, "runs", run_id, "events"), headers=headers)


def run(graph: str, run_id: str) -> Ask:
    return Ask("GET", _path(graph, "runs", run_id), headers=_JSON)


def cancel(graph: str, run_id: str) -> Ask:
    return Ask("POST", _path(graph, "runs", run_id, "cancel"), headers=_JSON)


def threads(graph: str, query: str, limit: int | None, cursor: str | None) -> Ask:
    given = {"q": query or None, "limit": limit, "cursor": cursor}
    encoded = urlencode({name: value for name, value in given.items() if value is not None})
    return Ask("GET", _path(graph, "threads") + (f"?{encoded}" if encoded else ""), headers=_JSON)


def thread(graph: str, thread_id: str) -> Ask:
    return Ask("GET", _path(graph, "threads", thread_id), headers=_JSON)


def delete_thread(graph: str, thread_id: str) -> Ask:
    return Ask("DELETE", _path(graph, "threads", thread_id), headers=_JSON)


def _path(graph: str, *names: str) -> str:
    """Return a path below the graph's: a graph is named, or given by its own path."""
    below = "".join(f"/{quote(name, safe='')}" for name in names)
    return (quote(graph) if graph.startswith("/") else f"/{quote(graph, safe='')}") + below


def _headers(*, streams: bool) -> dict[str, str]:
    return {**(_STREAM if streams else _JSON), "idempotency-key": str(uuid4())}
