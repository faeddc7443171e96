"""Runs and threads as the native routes return them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seltzer.client.streams.parts import Interrupt, interrupts_of


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed."""

    code: str
    message: str
    retryable: bool
    retry_after_s: float | None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as it was when it was requested.

    status: pending, running, success, error, interrupted or cancelled. output is the result of a success: the
    answer's text for a graph on messages, or `{text, tool_calls}` if it ends on calls that its client is to
    run. interrupts are an interrupted run's questions.
    """

    run_id: str
    thread_id: str
    graph: str
    status: str
    attempt: int
    created_at: str
    output: Any
    error: Failure | None
    interrupts: tuple[Interrupt, ...]

    @property
    def is_active(self) -> bool:
        return self.status in ("pending", "running")


@dataclass(frozen=True, slots=True)
class ThreadInfo:
    """A conversation. status: idle, busy, interrupted or error; run_id is its newest run."""

    thread_id: str
    graph: str
    title: str
    status: str
    created_at: str
    updated_at: str
    run_id: str | None


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """Some of a graph's threads, the newest first; next_cursor is for the next page, None on the last one."""

    threads: tuple[ThreadInfo, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ThreadState:
    """A conversation with the graph's state: its values, the next nodes, and their interrupts.

    checkpoint_id: where in the thread this state is; None before there is one. omitted: of the lists of which
    only the last items were asked for, by their keys, how many are left out at the beginning.
    """

    thread: ThreadInfo
    values: Any
    next: tuple[str, ...]
    interrupts: tuple[Interrupt, ...]
    checkpoint_id: str | None
    omitted: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ThreadStorage:
    """What a thread takes in the server's store, in bytes, by kind.

    states_bytes: of its checkpoints, without the messages in them; messages_bytes: of these, each of which is
    stored once; events_bytes: of what its runs have emitted, as long as that is kept.
    """

    thread_id: str
    checkpoints: int
    messages: int
    runs: int
    states_bytes: int
    messages_bytes: int
    runs_bytes: int
    events_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One of a thread's states. source: input, where a turn begins; loop, update or fork.

    Those of a long thread have of their values only what the parent's hasn't; omitted: of a list, by its key,
    how many items are left out at the beginning; None: the whole value is. Of fields that weren't selected,
    texts are empty and others None or without items.
    """

    checkpoint_id: str
    parent_checkpoint_id: str | None
    created_at: str
    run_id: str | None
    source: str
    values: Any
    next: tuple[str, ...]
    interrupts: tuple[Interrupt, ...]
    step: int | None = None
    omitted: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckpointPage:
    """Some of a thread's states, the newest first; next_before is for the next page, None on the last one."""

    checkpoints: tuple[Checkpoint, ...]
    next_before: str | None


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of a thread: its last checkpoint, and the one at which it forks from another, if it does.

    text is that of its last message, shortened; is_newest: the thread's next run continues it.
    """

    checkpoint_id: str
    forked_from: str | None
    created_at: str
    run_id: str | None
    text: str
    is_newest: bool


def run_info(body: Mapping[str, Any]) -> RunInfo:
    """Read a run's JSON. Raises KeyError or TypeError for what isn't one."""
    error = body["error"]
    return RunInfo(
        run_id=body["run_id"],
        thread_id=body["thread_id"],
        graph=body["graph"],
        status=body["status"],
        attempt=body["attempt"],
        created_at=body["created_at"],
        output=body["output"],
        error=error
        and Failure(error["code"], error["message"], error["retryable"], error.get("retry_after_s")),
        interrupts=interrupts_of(body["interrupts"]),
    )


def thread_info(body: Mapping[str, Any]) -> ThreadInfo:
    """Read a thread's JSON. Raises KeyError or TypeError for what isn't one."""
    return ThreadInfo(
        thread_id=body["thread_id"],
        graph=body["graph"],
        title=body["title"],
        status=body["status"],
        created_at=body["created_at"],
        updated_at=body["updated_at"],
        run_id=body["run_id"],
    )


def thread_storage(body: Mapping[str, Any]) -> ThreadStorage:
    """Read what a thread takes. Raises KeyError or TypeError for what isn't that."""
    return ThreadStorage(**{name: body[name] for name in ThreadStorage.__dataclass_fields__})


def thread_page(body: Mapping[str, Any]) -> ThreadPage:
    """Read a list of threads. Raises KeyError or TypeError for what isn't one."""
    return ThreadPage(tuple(map(thread_info, body["threads"])), body["next_cursor"])


def thread_state(body: Mapping[str, Any]) -> ThreadState:
    """Read a thread with its state. Raises KeyError or TypeError for what isn't one."""
    return ThreadState(
        thread_info(body),
        body["values"],
        tuple(body["next"]),
        interrupts_of(body["interrupts"]),
        body["checkpoint_id"],
        body.get("omitted", {}),
    )


def with_older(state: ThreadState, key: str, older: ThreadState) -> ThreadState:
    """Return the state with the items that were left out of the key's list, or the last ones of them."""
    names = {name: count for name, count in state.omitted.items() if name != key}
    omitted = {**names, **older.omitted}
    if not isinstance(state.values, dict):
        return replace(state, values=[*older.values, *state.values], omitted=omitted)
    items = [*older.values[key], *state.values[key]]
    return replace(state, values={**state.values, key: items}, omitted=omitted)


def checkpoint_page(body: Mapping[str, Any]) -> CheckpointPage:
    """Read a page of a thread's history. Raises KeyError or TypeError for what isn't one."""
    return CheckpointPage(tuple(map(_checkpoint, body["checkpoints"])), body.get("next_before"))


def branches(body: Mapping[str, Any]) -> tuple[Branch, ...]:
    """Read a list of a thread's branches. Raises KeyError or TypeError for what isn't one."""
    names = Branch.__dataclass_fields__
    return tuple(Branch(**{name: each[name] for name in names}) for each in body["branches"])


def _checkpoint(body: Mapping[str, Any]) -> Checkpoint:
    return Checkpoint(
        checkpoint_id=body["checkpoint_id"],
        parent_checkpoint_id=body.get("parent_checkpoint_id"),
        created_at=body.get("created_at", ""),
        run_id=body.get("run_id"),
        source=body.get("source", ""),
        values=body.get("values"),
        next=tuple(body.get("next", ())),
        interrupts=interrupts_of(body.get("interrupts", ())),
        step=body.get("step"),
        omitted=body.get("omitted", {}),
    )
