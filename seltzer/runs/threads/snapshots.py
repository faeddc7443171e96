"""A thread's state at one of its checkpoints, as JSON, from LangGraph's view of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.types import StateSnapshot

from seltzer.runs.event import Json, RunId
from seltzer.runs.jsonable import to_json
from seltzer.runs.threads.excerpts import Excerpt, Extent, Omitted, excerpt

IN_EVENT: Final = Extent(limit_bytes=262_144)  # what a reader needs of it is the end

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A thread's state at one of its checkpoints.

    values is the graph's state as JSON, next the nodes that would run next, interrupts are their questions:
    `[{id, value}]`. source is LangGraph's: input, loop, update or fork. step counts from -1, the
    input. All but these are None while there is no checkpoint. omitted: what is left out of the values.
    """

    checkpoint_id: str | None
    parent_checkpoint_id: str | None
    created_at: str | None
    source: str | None
    run_id: RunId | None
    step: int | None
    next: tuple[str, ...]
    values: Json
    interrupts: Json
    omitted: Omitted = field(default_factory=dict)


def snapshot(state: StateSnapshot, shown: Excerpt | None) -> Snapshot:
    """Return the state with what is shown of its values; without values if that is None."""
    metadata = state.metadata or {}
    return Snapshot(
        checkpoint_id=checkpoint_id_of(state.config),
        parent_checkpoint_id=checkpoint_id_of(state.parent_config),
        created_at=state.created_at,
        source=metadata.get("source"),
        run_id=metadata.get("run_id"),
        step=metadata.get("step"),
        next=state.next,
        values=None if shown is None else shown.values,
        interrupts=[{"id": each.id, "value": to_json(each.value)} for each in state.interrupts],
        omitted={} if shown is None else shown.omitted,
    )


def checkpoint_id_of(config: RunnableConfig | None) -> str | None:
    """Return the checkpoint that the config names."""
    return (config or {}).get("configurable", {}).get("checkpoint_id")


async def shown_state(values: Any) -> Json:
    """Return the data of a `state` event: the values, and what is left out of them, if anything is."""
    shown = await off_loop(partial(excerpt, values, IN_EVENT))
    return {"values": shown.values} | ({"omitted": shown.omitted} if shown.omitted else {})


async def off_loop(work: Callable[[], _Result]) -> _Result:
    """Do the work in a thread, as it may take long. Nothing of the caller's context is there."""
    return await asyncio.get_running_loop().run_in_executor(None, work)
