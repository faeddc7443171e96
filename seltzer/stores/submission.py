"""What a store decides when a run is submitted: the same in all of them, whatever their rows are."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from seltzer.errors import (
    IdempotencyConflict,
    NotInterrupted,
    RunDeleted,
    StateNotStorable,
    ThreadBusy,
    ThreadInterrupted,
    TooManyRuns,
    UnknownThread,
)
from seltzer.runs.event import RunId
from seltzer.runs.run import ACTIVE, Owner, RunSpec, Status
from seltzer.stores.checkpoints.serializer import NotStorable, SafeSerializer

_serializer: Final = SafeSerializer()


class Input(NamedTuple):
    """A spec's input as it is stored: nothing, where no process would read it."""

    type: str | None = None
    body: bytes | None = None


def pack_input(spec: RunSpec) -> Input:
    """Return the input as it is stored: an attached run's isn't, as such a run is never retried.

    Raises StateNotStorable.
    """
    if spec.attached:
        return Input()
    try:
        return Input(*_serializer.dumps_typed(spec.input))
    except NotStorable as error:
        raise StateNotStorable("input", error.type_name) from error


def unpack_input(input: Input) -> Any:
    """Return the input that was packed; None if it wasn't stored."""
    if input.type is None or input.body is None:
        return None
    return _serializer.loads_typed((input.type, input.body))


class Rival(NamedTuple):
    """A run that a new one on its thread depends on."""

    run_id: RunId
    status: Status
    owner: Owner


def check_thread(spec: RunSpec, rivals: Sequence[Rival]) -> None:
    """Raise if the run can't be submitted: UnknownThread, NotInterrupted, ThreadInterrupted, ThreadBusy.

    rivals: its thread's active runs and its newest one, oldest first.
    """
    if any(each.owner != spec.owner for each in rivals):
        raise unknown_thread(spec.thread_id)
    is_interrupted = bool(rivals) and rivals[-1].status == "interrupted"
    is_question_open = is_interrupted and spec.answered in (None, rivals[-1].run_id)
    if spec.answers is not None and not is_question_open:
        raise NotInterrupted(f"thread {spec.thread_id!r} doesn't wait for an answer, or has got it")
    if spec.answers is None and is_interrupted and spec.on_busy != "rollback":
        raise ThreadInterrupted(
            f"thread {spec.thread_id!r} waits for the answer to an interrupt; answer it, or start with"
            " on_busy 'rollback'"
        )
    active = [each for each in rivals if each.status in ACTIVE]
    if active and spec.on_busy == "reject":
        raise ThreadBusy(
            f"run {active[0].run_id!r} is active on thread {spec.thread_id!r}; wait, cancel it, or start"
            " with another on_busy"
        )


def check_same(spec: RunSpec, *, owner: Owner, digest: str) -> None:
    """Raise IdempotencyConflict if the run that has the id already was submitted with another body."""
    if (owner, digest) != (spec.owner, spec.digest):
        raise IdempotencyConflict(f"run {spec.run_id!r} was started before, with another body")


def check_queue(waiting: int, limit: int) -> None:
    """Raise TooManyRuns if as many runs wait as may."""
    if waiting >= limit:
        raise TooManyRuns(f"{waiting} runs are waiting already; try again in a moment")


def unknown_thread(thread_id: str) -> UnknownThread:
    """Return the error of a run on a thread that is another owner's."""
    return UnknownThread(f"there is no thread {thread_id!r}")


def run_deleted(run_id: RunId) -> RunDeleted:
    """Return the error of a run that was deleted with its thread within a day."""
    return RunDeleted(f"run {run_id!r} was deleted with its thread; use a new key for a new run")


def thread_busy(run_id: RunId, thread_id: str) -> ThreadBusy:
    """Return the error of a thread that can't be deleted while the run is active."""
    return ThreadBusy(f"run {run_id!r} is active on thread {thread_id!r}; wait, or cancel it")
