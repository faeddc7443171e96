"""Tidying up after a run: of one that was cancelled or failed the text is kept, and the next turn works."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.cursor import Cursor
from seltzer.errors import AppError, StreamGap
from seltzer.runs.authors_code import AuthorsCodeFailed, await_authors_code
from seltzer.runs.event import Event, Kind
from seltzer.runs.failure import GRAPH_CHANGED
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Stores
from seltzer.runs.run import Run
from seltzer.runs.streaming.hub import Tail
from seltzer.runs.threads.repair.partial_answers import PartialAnswer
from seltzer.runs.threads.repair.repair import repair
from seltzer.runs.threads.repair.subgraph_memory import repair_subgraphs

log = logging.getLogger(__name__)

# What a node has returned may be missing in the thread then.
_NOT_STORED: Final = frozenset({"state_not_storable", "storage_failed", "client_gone"})
PARTIAL_EVENTS: Final = 5_000  # how far back an unfinished answer is looked for


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """An attempt that has ended. config names its thread and the run whose writes these are.

    kind is its terminal event's. emitted: how many events it has; None, if its graph has no answer in
    messages. code: why it has failed. has_lasting: a subgraph has written to a state that it
    keeps from turn to turn.
    """

    pregel: AnyPregel
    config: RunnableConfig
    run: Run
    tail: Tail
    stores: Stores
    kind: Kind
    emitted: int | None
    code: str | None
    has_lasting: bool

    @property
    def is_left_alone(self) -> bool:
        """Whether the thread stays as it is."""
        return self.code == GRAPH_CHANGED

    @property
    def has_stopped(self) -> bool:
        return self.kind in ("cancelled", "failed")


async def tidy(ended: EndedAttempt, *, rolls_back: bool) -> bool:
    """Put the thread in order, so that its next turn works and has what this one has emitted.

    Return whether it is as it was before the run: a question stays open if its node hasn't ended with
    this answer. What can't be tidied up is logged: the run ends all the same.
    """
    spec, checkpoints = ended.run.spec, ended.stores.checkpoints
    is_unanswered = spec.answers is not None and ended.has_stopped and not await _has_advanced(ended)
    if is_unanswered or rolls_back:
        await checkpoints.roll_back(spec.thread_id, [spec.run_id], by=ended.run)
        return is_unanswered
    if ended.run.attempt > 1 and ended.has_stopped and not await _has_advanced(ended):
        return True  # earlier attempts died before they wrote anything; a question there is another run's
    if ended.is_left_alone:
        return False
    if ended.has_stopped:
        await _tidy_graph(ended)
    if ended.has_stopped or (ended.kind == "finished" and ended.has_lasting):
        await _tidy_subgraphs(ended)
    return False


async def _tidy_graph(ended: EndedAttempt) -> None:
    """Put the partial answer, and results for the calls that lack one, into the graph's state.

    Reducers may refuse it, and so may the store: the run's end must be stored all the same.
    """
    try:
        partial = await _partial(ended)
        returned = partial.returned() if ended.code in _NOT_STORED else None
        answer, returned_by = returned or partial.message(), partial.returned_by if returned else None
        repairing = repair(ended.pregel, ended.config, answer, returned_by=returned_by)
        await await_authors_code(repairing)
    except (AuthorsCodeFailed, AppError) as error:
        log.warning("thread %s can't be tidied up", ended.run.spec.thread_id, exc_info=error)


async def _tidy_subgraphs(ended: EndedAttempt) -> None:
    """Put results for the calls that lack one into the states that subgraphs keep of their own.

    What a graph keeps there may be anything: the run's end must be stored whatever becomes of it.
    """
    saver, thread_id = ended.pregel.checkpointer, ended.run.spec.thread_id
    if not isinstance(saver, BaseCheckpointSaver):
        return
    try:
        namespaces = await ended.stores.checkpoints.lasting_namespaces(thread_id)
        repairing = repair_subgraphs(saver, ended.config, namespaces, has_stopped=ended.has_stopped)
        await await_authors_code(repairing)
    except (AuthorsCodeFailed, AppError) as error:
        log.warning("subgraphs of thread %s can't be tidied up", thread_id, exc_info=error)


async def _has_advanced(ended: EndedAttempt) -> bool:
    """Return whether a step of the run has ended, in the graph or in a subgraph."""
    saver, spec = ended.pregel.checkpointer, ended.run.spec
    if not isinstance(saver, BaseCheckpointSaver):
        return True
    thread = RunnableConfig(configurable={"thread_id": spec.thread_id})
    of_run = saver.alist(thread, filter={"run_id": spec.run_id}, limit=1)
    return bool([each async for each in of_run])


async def _partial(ended: EndedAttempt) -> PartialAnswer:
    """Return the last answer of a run; if its process died, that of the attempt before."""
    partial = PartialAnswer()
    for event in () if ended.emitted is None else await _latest(ended, ended.emitted):
        partial.feed(event)
    return partial


async def _latest(ended: EndedAttempt, emitted: int) -> Sequence[Event]:
    """Return the attempt's latest events; those of the one before if this one has only begun."""
    run, tail = ended.run, ended.tail
    recent = tail.read_after(tail.floor) or ()
    has_died = run.attempt > 1 and emitted == 1
    if not has_died and tail.floor.seq == 0:
        return recent
    after = Cursor(run.attempt - 1, 0) if has_died else Cursor(run.attempt, max(0, emitted - PARTIAL_EVENTS))
    try:
        stored = await ended.stores.event_log.read({run.spec.run_id: after})
    except StreamGap:
        return recent
    older = [event for event in stored.get(run.spec.run_id, []) if event.cursor <= tail.floor]
    return older if has_died else [*older, *recent]
