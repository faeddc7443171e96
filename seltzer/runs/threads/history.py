"""A page of a thread's states, within a limit of bytes."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.types import StateSnapshot

from seltzer.runs.graph import AnyPregel
from seltzer.runs.threads.excerpts import changes, excerpt, excerpt_within
from seltzer.runs.threads.snapshots import Snapshot, checkpoint_id_of, off_loop, snapshot

AT_A_TIME: Final = 10


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
    found = await _read(pregel, thread, limit + 1, before)
    if not has_values:
        return _page([snapshot(state, None) for state in found[:limit]], found)
    if limit_bytes is None:
        every = [snapshot(each, await off_loop(partial(excerpt, each.values))) for each in found[:limit]]
        return _page(every, found)
    by_id = {checkpoint_id_of(state.config): state for state in found}
    pages: list[Snapshot] = []
    left = limit_bytes
    for state in found[:limit]:
        shown = await off_loop(partial(excerpt_within, state.values, min(left, limit_bytes // limit)))
        if shown is None:
            parent = await _parent(pregel, state, by_id)
            is_first = not pages
            shown = await off_loop(partial(changes, state.values, parent, left, is_cut=is_first))
        if shown is None:
            break
        pages.append(snapshot(state, shown))
        left -= shown.size_bytes
    return _page(pages, found)


async def _read(
    pregel: AnyPregel, thread: RunnableConfig, limit: int, before: RunnableConfig | None
) -> list[StateSnapshot]:
    """Return at most limit of the thread's states, a few at a time: LangGraph does not wait between them."""
    found: list[StateSnapshot] = []
    while len(found) < limit:
        count = min(AT_A_TIME, limit - len(found))
        some = [state async for state in pregel.aget_state_history(thread, limit=count, before=before)]
        found += some
        if len(some) < count:
            break
        before = some[-1].config
    return found


def _page(states: Sequence[Snapshot], found: Sequence[StateSnapshot]) -> HistoryPage:
    return HistoryPage(states, states[-1].checkpoint_id if len(states) < len(found) else None)


async def _parent(
    pregel: AnyPregel, state: StateSnapshot, by_id: Mapping[str | None, StateSnapshot]
) -> Mapping[str, Any] | Any:
    """Return the values of the state's parent; none if it has none."""
    if state.parent_config is None:
        return {}
    parent = by_id.get(checkpoint_id_of(state.parent_config))
    if parent is None:
        parent = await pregel.aget_state(state.parent_config)
    return parent.values
