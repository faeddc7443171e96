"""Every error a caller can act on, in one tree, and so in one module, however long.

    AppError
    ├── LoadError               langgraph.json can't be used, or none of its graphs; the server doesn't start
    ├── GraphBroken             this graph can't be loaded; the others are served
    ├── GraphNotDrawn           this graph runs, but LangGraph can't draw it
    ├── DataInUse               another process uses the data folder; the server doesn't start
    ├── StorageFailed           the store can't be read or written
    ├── BadRequest              the request can't be understood
    │   ├── InvalidInput        a field has a value that isn't accepted
    │   ├── InvalidCursor       a cursor that no event of the run has, or ever will
    │   ├── BodyTooLarge
    │   ├── BodyTimeout
    │   ├── NotJson
    │   ├── ForeignHost
    │   └── ForeignOrigin
    ├── NotFound
    ├── UnknownGraph
    ├── UnknownRun
    ├── UnknownThread
    ├── UnknownCheckpoint
    ├── ThreadBusy
    ├── ThreadInterrupted
    ├── NotInterrupted
    ├── IdempotencyConflict
    ├── RunDeleted              it was started before, and deleted with its thread
    ├── TooManyRuns
    ├── NotOpen                 the engine isn't open: its lifespan didn't run
    ├── ServerDraining
    │   └── StorageClosed       a StorageFailed too: the server is about to end
    ├── StreamGap
    └── RunFailed               the run ended without an answer; its code is the reason
        └── StateNotStorable

`code` is stable and public (docs/reference/errors.md); the text is for people. guards/faults.py alone
knows which status a code has.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

_REASONS = {"missing": "is missing", "union_tag_invalid": "is of an unknown kind"} | dict.fromkeys(
    ("model_type", "dict_type"), "must be an object"
)

_OUGHT = re.compile(r"^(Input|Dictionary|List|Set|Tuple|String|Data|Value|Bytes) should\b")


class AppError(Exception):
    """Something a caller can act on."""

    code: str = "internal_error"


class LoadError(AppError):
    """A graph or langgraph.json can't be loaded. Three lines: what, why (file and line), what to do.

    public_why: the reason without an exception's own text, for clients; that text may contain keys.
    """

    code = "load_error"

    def __init__(self, what: str, why: str, todo: str, *, public_why: str | None = None) -> None:
        super().__init__(f"{what}\n  why: {why}\n  do:  {todo}")
        self.what = what
        self.why = why
        self.todo = todo
        self.public_why = public_why or why


class GraphBroken(AppError):
    """A graph that langgraph.json names can't be loaded."""

    code = "graph_broken"

    def __init__(self, name: str, error: LoadError) -> None:
        super().__init__(f"graph {name!r} can't be loaded: {error.public_why}")


class GraphNotDrawn(AppError):
    """LangGraph can't describe a graph's nodes and edges; the log has the error, whose text isn't public."""

    code = "graph_not_drawn"

    def __init__(self, name: str, error_name: str) -> None:
        super().__init__(f"graph {name!r} can't be drawn: LangGraph raised {error_name}")


class DataInUse(AppError):
    """Another process uses the data folder. The text is one line: what, and what to do."""

    code = "data_in_use"


class StorageFailed(AppError):
    """The store can't be read or written: a full disk, a damaged file. The log has the reason."""

    code = "storage_failed"


class BadRequest(AppError):
    """The body or a header can't be understood."""

    code = "bad_request"


class InvalidInput(BadRequest):
    """A field has a value that isn't accepted; `field` is its path in the body, dotted."""

    code = "invalid_input"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason

    @classmethod
    def first_of(cls, errors: Sequence[Mapping[str, Any] | str], field: str = "") -> Self:
        """Return the first of pydantic's errors in the field's value, without repeating the value."""
        first = errors[0] if errors else "the body is invalid"
        if isinstance(first, str):
            return cls(field or "body", first)
        parts = [str(part)[:100] for part in first["loc"]]
        named = [part for part in parts if part != "root" and not part.startswith("function-")]
        reason = _REASONS.get(first.get("type", ""), str(first["msg"])).removeprefix("Value error, ")
        path = ".".join([field, *named] if field else named)[:200] or "body"
        return cls(path, _OUGHT.sub("must", reason.removesuffix(", not 0").replace(" after validation", "")))


class InvalidCursor(BadRequest):
    """The cursor is garbage, or beyond the end of a run that has ended. Raised by Engine.follow."""

    code = "invalid_cursor"


class BodyTooLarge(BadRequest):
    """The body is larger than the limit."""

    code = "body_too_large"


class BodyTimeout(BadRequest):
    """The body didn't arrive in time."""

    code = "body_timeout"


class NotJson(BadRequest):
    """The body isn't declared as JSON."""

    code = "not_json"


class ForeignHost(BadRequest):
    """A loopback server got a request under a name that isn't loopback's."""

    code = "foreign_host"


class ForeignOrigin(BadRequest):
    """A web page of another origin sent the request."""

    code = "foreign_origin"


class NotFound(AppError):
    """There is nothing at that address."""

    code = "not_found"


class UnknownGraph(AppError):
    """langgraph.json names no such graph."""

    code = "unknown_graph"


class UnknownRun(AppError):
    """There is no such run, or it isn't kept any more."""

    code = "unknown_run"


class UnknownThread(AppError):
    """No run of that graph was ever started on the thread, or it was deleted."""

    code = "unknown_thread"


class UnknownCheckpoint(AppError):
    """The thread has no such checkpoint, or it isn't kept any more."""

    code = "unknown_checkpoint"


class ThreadBusy(AppError):
    """Another run is writing to the thread."""

    code = "thread_busy"


class ThreadInterrupted(AppError):
    """The thread waits for the answer to an interrupt; plain input would lose the question."""

    code = "thread_interrupted"


class NotInterrupted(AppError):
    """The run isn't waiting for an answer, or already has it."""

    code = "not_interrupted"


class IdempotencyConflict(AppError):
    """The idempotency key was used before, with another body."""

    code = "idempotency_conflict"


class RunDeleted(AppError):
    """A run of this idempotency key was deleted with its thread."""

    code = "run_deleted"


class TooManyRuns(AppError):
    """The process executes as many runs as it may."""

    code = "too_many_runs"


class NotOpen(AppError):
    """The engine isn't open: the app is served without its lifespan."""

    code = "not_open"


class ServerDraining(AppError):
    """The server is shutting down: it starts nothing new, and its readers are dismissed."""

    code = "server_draining"


class StorageClosed(ServerDraining, StorageFailed):
    """The store is closed, as the server is about to end."""


class StreamGap(AppError):
    """The cursor is before the oldest kept event. Raised by Engine.follow."""

    code = "stream_gap"


class RunFailed(AppError):
    """A run ended without an answer.

    code: one of runs/failure.py's. retryable: whether the same request may work later.
    retry_after_s: the upstream's Retry-After, if it sent one.
    """

    def __init__(
        self, code: str, message: str, *, retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class StateNotStorable(RunFailed):
    """A graph's state contains a value that can't be stored, so that its thread couldn't be read again."""

    def __init__(self, channel: str, type_name: str, *, is_pickled: bool = False) -> None:
        todo = (
            "not even by pickle; keep plain data there"
            if is_pickled
            else "keep plain data there, or set checkpointer.serde.pickle_fallback in langgraph.json"
        )
        super().__init__(
            "state_not_storable",
            f"The graph's state can't be stored: {channel!r} contains a {type_name!r}; {todo}.",
        )
        self.channel = channel
        self.type_name = type_name
