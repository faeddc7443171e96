"""Several processes on one thread, each with messages that it has cached: all read the same."""

import asyncio
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver

from seltzer.runs.ports import Checkpoints
from seltzer.stores.checkpoints.serializer import SafeSerializer
from tests.stores.checkpoints.obeying import VERBS, input_for, obeying
from tests.stores.conversing import config, on
from tests.stores.state_stores import in_postgres

# Not "touch": of a message that is changed in place, one of LangGraph's savers keeps what it was, another one
# what it has become.
SAME: Final = [verb for verb in VERBS if verb != "touch"]
verbs = st.sampled_from([*SAME, "say", "say"])
others = st.sampled_from(["prune", "roll back", "delete"])
steps = st.lists(st.tuples(st.integers(0, 1), verbs | verbs | others, st.integers(0, 30)), max_size=12)


class Play:
    """Two processes that do as they are ordered, in turn, and LangGraph's own saver beside them."""

    def __init__(self, processes: list[Checkpoints]) -> None:
        self.thread_id = uuid4().hex
        self._processes = processes
        self._reference = InMemorySaver(serde=SafeSerializer())
        self._before: tuple[str, InMemorySaver] | None = None  # the newest run, and what was before it

    async def run(self, process: int, verb: str, at: int, number: int) -> None:
        run_id = f"r{number}"
        self._before = run_id, _copied(self._reference)
        for pregel in (
            on(self._processes[process], obeying),
            obeying.copy({"checkpointer": self._reference}),
        ):
            await pregel.ainvoke(
                input_for(verb, at, number), config(self.thread_id, run_id), durability="sync"
            )

    async def other(self, process: int, verb: str) -> None:
        checkpoints = self._processes[process]
        if verb == "prune":
            await checkpoints.prune(self.thread_id)
        elif verb == "delete":
            await checkpoints.saver_for(obeying).adelete_thread(self.thread_id)
            self._reference.delete_thread(self.thread_id)
            self._before = None
        elif self._before is not None:
            run_id, self._reference = self._before
            await checkpoints.roll_back(self.thread_id, [run_id])
            self._before = None

    async def is_empty(self) -> bool:
        return await self._reference.aget_tuple(config(self.thread_id)) is None

    async def read(self) -> list[Any]:
        """Return the thread's values as each process reads them, then LangGraph's saver's."""
        savers = [*(each.saver_for(obeying) for each in self._processes), self._reference]
        states = [
            await obeying.copy({"checkpointer": saver}).aget_state(config(self.thread_id)) for saver in savers
        ]
        return [state.values for state in states]


def _copied(saver: InMemorySaver) -> InMemorySaver:
    copied = InMemorySaver(serde=saver.serde)
    for name in ("storage", "writes", "blobs"):
        getattr(copied, name).update(deepcopy(dict(getattr(saver, name))))
    return copied


@settings(max_examples=20, deadline=None)
@given(steps, st.sampled_from([1, None]), st.sampled_from([3, 1_000]))
def test_each_process_reads_what_langgraphs_own_saver_has_whatever_the_others_do(
    given: list[tuple[int, str, int]], turns: int | None, cache_limit: int
) -> None:
    async def play() -> None:
        store = await in_postgres(Path())
        opened = partial(store.open, kept=2, turns=turns, cache_limit=cache_limit)
        async with opened() as one, opened() as other:
            game = Play([one, other])
            for number, (process, verb, at) in enumerate(given):
                if verb in SAME:
                    await game.run(process, "begin" if await game.is_empty() else verb, at, number)
                else:
                    await game.other(process, verb)
                *mine, reference = await game.read()
                assert mine == [reference, reference]

    asyncio.run(play())
