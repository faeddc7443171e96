"""A page of a thread's states, within a limit of bytes."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.types import StateSnapshot

from seltzer.runs.graph import AnyPregel
from seltzer.runs.threads.excerpts import Excerpt, changes, excerpt, excerpt_within
from seltzer.runs.threads.snapshots import Snapshot, checkpoint_id_of, off_loop, snapshot


class HistoryPage(NamedTuple):
    """Some of a thread's states, newest first. next_before: the next page is before it; None on the last."""

    states: Sequence[Snapshot]
    next_before: str | None


async def read_page(
    pregel: AnyPregel,
    thread: RunnableConfig,
    *,
    limit: int,
    before: RunnableConfig | None,
    has_values: bool,
    limit_bytes: int | None,
) -> HistoryPage:
    """Return at most limit of the thread's states; fewer, but one, if their values are longer than the limit.

    A state whose values are longer than an equal share of the limit has only what its parent hasn't. What is
    longer than the whole page even so is cut.
    """
    shown: list[Snapshot] = []
    left = limit_bytes
    async with aclosing(_states(pregel, thread, before)) as states:
        state = await anext(states, None)
        while state is not None and len(shown) < limit:
            older = await anext(states, None)
            part = None
            if has_values and left is None:
                part = await off_loop(partial(excerpt, state.values))
            elif has_values and left is not None and limit_bytes is not None:
                room = _Room(left, min(left, limit_bytes // limit), is_empty=not shown)
                part = await _part(pregel, state, older, room)
                if part is None:
                    break
                left -= part.size_bytes
            shown.append(snapshot(state, part))
            state = older
    return HistoryPage(shown, shown[-1].checkpoint_id if state is not None else None)


async def _states(
    pregel: AnyPregel, thread: RunnableConfig, before: RunnableConfig | None
) -> AsyncGenerator[StateSnapshot, None]:
    """Yield the thread's states, the newest first, one at a time: each may be very long."""
    while True:
        found = [state async for state in pregel.aget_state_history(thread, limit=1, before=before)]
        if not found:
            return
        yield found[0]
        before = found[0].config


class _Room(NamedTuple):
    """What is left of a page, and the share of it that each state has. is_empty: no state is there yet."""

    left_bytes: int
    share_bytes: int
    is_empty: bool


async def _part(
    pregel: AnyPregel, state: StateSnapshot, older: StateSnapshot | None, room: _Room
) -> Excerpt | None:
    """Return what is shown of the state's values; None if there is no room. older: the next on the page."""
    whole = await off_loop(partial(excerpt_within, state.values, room.share_bytes))
    if whole is not None:
        return whole
    parent = older
    if state.parent_config is None or older is None or not _is_of(state.parent_config, older):
        parent = None if state.parent_config is None else await pregel.aget_state(state.parent_config)
    before = {} if parent is None else parent.values
    return await off_loop(partial(changes, state.values, before, room.left_bytes, is_cut=room.is_empty))


def _is_of(config: RunnableConfig, state: StateSnapshot) -> bool:
    return checkpoint_id_of(config) == checkpoint_id_of(state.config)
