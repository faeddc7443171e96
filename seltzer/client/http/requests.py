"""The client's requests to the native routes, as data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, TypedDict
from urllib.parse import quote, urlencode
from uuid import uuid4

Query: TypeAlias = str | Mapping[str, Any]  # a question, or a graph's own input

_STREAM: Final = {"accept": "text/event-stream"}
_JSON: Final = {"accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request. path begins with a slash; body is sent as JSON unless it is None."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class RunOptions(TypedDict, total=False):
    """How a run is started. Without a thread_id the server begins a new thread.

    on_busy: what to do while another run writes to the thread. config: `{"configurable": {..},
    "recursion_limit": n, "tags": [..], "metadata": {..}, "run_name": ".."}`. context: what the graph's
    context_schema declares. from_checkpoint: fork the thread from there. from_message: fork it from where the
    turn that has added this message began.
    """

    thread_id: str | None
    on_busy: Literal["reject", "enqueue", "interrupt", "rollback"] | None
    config: Mapping[str, Any] | None
    context: Mapping[str, Any] | None
    from_checkpoint: str | None
    from_message: str | None


def start(graph: str, query: Query | None, options: RunOptions, *, streams: bool) -> Request:
    """Start a run; without a query, again from where the options say.

    Its own Idempotency-Key makes it start one run, however often it is sent.
    """
    given = {"input": query, **options}
    body = {name: value for name, value in given.items() if value is not None}
    return Request("POST", _path(graph, "runs"), body, _headers(streams=streams))


def resume(
    graph: str, run_id: str, answer: Any, interrupt_id: str | None, context: Mapping[str, Any] | None
) -> Request:
    """Answer an interrupt of a run: the one with that id, or the only one."""
    body = {"resume": answer} if interrupt_id is None else {"resume": answer, "interrupt_id": interrupt_id}
    return _resume(graph, run_id, body, context)


def resume_all(
    graph: str, run_id: str, answers: Mapping[str, Any], context: Mapping[str, Any] | None
) -> Request:
    """Answer the interrupts of a run, by their ids; without any it continues from a breakpoint."""
    return _resume(graph, run_id, {"answers": answers} if answers else {"resume": None}, context)


def events(graph: str, run_id: str, after: str) -> Request:
    """Read a run's events after the cursor, or from the start if it is empty."""
    headers = {**_STREAM, "last-event-id": after} if after else _STREAM
    return Request("GET", _path(graph, "runs", run_id, "events"), headers=headers)


def run(graph: str, run_id: str) -> Request:
    return Request("GET", _path(graph, "runs", run_id), headers=_JSON)


def cancel(graph: str, run_id: str) -> Request:
    return Request("POST", _path(graph, "runs", run_id, "cancel"), headers=_JSON)


def runs(
    graph: str, statuses: Iterable[str], thread_id: str | None, limit: int | None, cursor: str | None
) -> Request:
    """List the graph's runs, or those of all graphs if its name is empty."""
    status = ",".join(statuses) or None
    params = {"status": status, "thread_id": thread_id, "limit": limit, "cursor": cursor}
    return Request("GET", _path(graph, "runs") + _query(params), headers=_JSON)


def threads(graph: str, query: str, limit: int | None, cursor: str | None) -> Request:
    params = {"q": query or None, "limit": limit, "cursor": cursor}
    return Request("GET", _path(graph, "threads") + _query(params), headers=_JSON)


def thread(
    graph: str,
    thread_id: str,
    checkpoint_id: str | None,
    *,
    limit: int | None = None,
    key: str | None = None,
    before: int | None = None,
) -> Request:
    """Get a thread's state; limit: the last items of its lists; key and before: of one list, those before."""
    params = {"checkpoint_id": checkpoint_id, "limit": limit, "key": key, "before": before}
    return Request("GET", _path(graph, "threads", thread_id) + _query(params), headers=_JSON)


def history(
    graph: str, thread_id: str, limit: int | None, before: str | None, select: Iterable[str] | None
) -> Request:
    """Get a page of a thread's states; select: their fields, besides the checkpoint's id."""
    names = None if select is None else ",".join(sorted({"checkpoint_id", *select}))
    params = {"limit": limit, "before": before, "select": names}
    return Request("GET", _path(graph, "threads", thread_id, "history") + _query(params), headers=_JSON)


def branches(graph: str, thread_id: str, limit: int | None) -> Request:
    path = _path(graph, "threads", thread_id, "branches") + _query({"limit": limit})
    return Request("GET", path, headers=_JSON)


def turns(graph: str, thread_id: str, limit: int | None, before: str | None) -> Request:
    path = _path(graph, "threads", thread_id, "turns") + _query({"limit": limit, "before": before})
    return Request("GET", path, headers=_JSON)


def storage(graph: str, thread_id: str) -> Request:
    return Request("GET", _path(graph, "threads", thread_id, "storage"), headers=_JSON)


def update_state(
    graph: str,
    thread_id: str,
    values: Any,
    as_node: str | None,
    checkpoint_id: str | None,
    from_message: str | None = None,
) -> Request:
    """Update a thread's state: once, by the request's own key, however often it is sent."""
    given = {
        "values": values,
        "as_node": as_node,
        "checkpoint_id": checkpoint_id,
        "from_message": from_message,
    }
    body = {name: value for name, value in given.items() if value is not None}
    return Request("POST", _path(graph, "threads", thread_id, "state"), body, _headers(streams=False))


def withdraw(graph: str, run_id: str) -> Request:
    """Withdraw what a run asks: once, by the request's own key, however often it is sent."""
    return Request("POST", _path(graph, "runs", run_id, "withdraw"), headers=_headers(streams=False))


def rename_thread(graph: str, thread_id: str, title: str) -> Request:
    return Request("PATCH", _path(graph, "threads", thread_id), {"title": title}, _JSON)


def delete_thread(graph: str, thread_id: str) -> Request:
    return Request("DELETE", _path(graph, "threads", thread_id), headers=_JSON)


def _resume(graph: str, run_id: str, body: Any, context: Mapping[str, Any] | None) -> Request:
    body = body if context is None else {**body, "context": context}
    return Request("POST", _path(graph, "runs", run_id, "resume"), body, _headers(streams=True))


def _query(params: Mapping[str, str | int | None]) -> str:
    encoded = urlencode({name: value for name, value in params.items() if value is not None})
    return f"?{encoded}" if encoded else ""


def _path(graph: str, *names: str) -> str:
    """Return a path below the graph's; graph is its name, or its own path."""
    below = "".join(f"/{quote(name, safe='')}" for name in names)
    is_path = not graph or graph.startswith("/")  # the empty one is the server's own
    return (quote(graph) if is_path else f"/{quote(graph, safe='')}") + below


def _headers(*, streams: bool) -> dict[str, str]:
    return {**(_STREAM if streams else _JSON), "idempotency-key": str(uuid4())}
