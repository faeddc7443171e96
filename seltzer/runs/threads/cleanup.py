"""Tidying up after a run that was cancelled or failed: its thread keeps its text, its next turn works."""

import logging
from collections.abc import Sequence
from typing import Final

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.cursor import Cursor
from seltzer.errors import StreamGap
from seltzer.runs.event import Event
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import EventLog
from seltzer.runs.run import Run
from seltzer.runs.streaming.hub import Tail
from seltzer.runs.threads.partial_answers import PartialAnswer
from seltzer.runs.threads.repair import repair

log = logging.getLogger(__name__)

PARTIAL_EVENTS: Final = 5_000  # how far back an unfinished answer is looked for


async def tidy(
    pregel: AnyPregel, config: RunnableConfig, run: Run, tail: Tail, event_log: EventLog, *, emitted: int
) -> None:
    """Put the partial answer, and results for the calls that lack one, into the run's thread.

    emitted: how many events this attempt has. What can't be tidied up is logged: the run ends all the same.
    """
    try:
        await repair(pregel, config, await _partial(run, tail, event_log, emitted))
    except Exception as error:  # the graph's own reducers run here
        log.warning("thread %s can't be tidied up", run.spec.thread_id, exc_info=error)


async def has_advanced(pregel: AnyPregel, run: Run) -> bool:
    """Return whether a step of the run has ended, in the graph or in a subgraph."""
    saver = pregel.checkpointer
    if not isinstance(saver, BaseCheckpointSaver):
        return True
    thread = RunnableConfig(configurable={"thread_id": run.spec.thread_id})
    of_run = saver.alist(thread, filter={"run_id": run.spec.run_id}, limit=1)
    return bool([each async for each in of_run])


async def _partial(run: Run, tail: Tail, event_log: EventLog, emitted: int) -> AIMessage | None:
    """Return the unfinished answer of a run; if its process died, that of the attempt before."""
    partial = PartialAnswer()
    for event in await _latest(run, tail, event_log, emitted):
        partial.feed(event)
    return partial.message()


async def _latest(run: Run, tail: Tail, event_log: EventLog, emitted: int) -> Sequence[Event]:
    """Return the attempt's latest events; those of the one before if this one has only begun."""
    recent = tail.read_after(tail.floor) or ()
    has_died = run.attempt > 1 and emitted == 1
    if not has_died and tail.floor.seq == 0:
        return recent
    after = Cursor(run.attempt - 1, 0) if has_died else Cursor(run.attempt, max(0, emitted - PARTIAL_EVENTS))
    try:
        stored = await event_log.read({run.spec.run_id: after})
    except StreamGap:
        return recent
    older = [event for event in stored.get(run.spec.run_id, []) if event.cursor <= tail.floor]
    return older if has_died else [*older, *recent]
