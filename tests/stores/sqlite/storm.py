"""A process that runs, forks, prunes, rolls back and deletes threads at random, until it is killed.

`python -m tests.stores.sqlite.storm FOLDER SEED` prints a line for each thing that it has done.
"""

import asyncio
import random
import sys
from pathlib import Path
from typing import Any, Final

from langchain_core.messages import AIMessage, RemoveMessage

from seltzer.runs.event import Event
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Stores
from seltzer.runs.run import RunSpec
from seltzer.stores.open import open_stores
from seltzer.stores.options import Retention
from tests.stores.conversing import graph, on, turn

THREADS: Final = ("a", "b", "c")
TTL_S: Final = 60.0
QUEUE_LIMIT: Final = 100


def answering() -> AnyPregel:
    """Return a graph that answers each question, and on `forget` removes half of what was said."""

    def node(state: Any) -> Any:
        messages = state["messages"]
        question = messages[-1].content
        removed = messages[: len(messages) // 2] if question.startswith("forget") else []
        return {"messages": [*(RemoveMessage(each.id) for each in removed), AIMessage(f"re: {question}")]}

    return graph(node)


class Storm:
    """Does random things to a few threads at once."""

    def __init__(self, stores: Stores, seed: int) -> None:
        self._stores = stores
        self._chance = random.Random(seed)
        self._pregel = on(stores.checkpoints, answering())
        self._number = 0

    async def run(self) -> None:
        """End what an earlier process was executing, then do things for ever."""
        for each in await self._stores.runs.claim("storm", QUEUE_LIMIT, TTL_S):
            await self._stores.runs.finish(each, Event(each.run.attempt, 1, "failed", {}))
        await asyncio.gather(*map(self._trouble, THREADS))

    async def _trouble(self, thread_id: str) -> None:
        while True:
            does = self._chance.choice([self._talk] * 6 + [self._fork, self._roll_back, self._delete])
            await does(thread_id)
            print(does.__name__, thread_id, flush=True)

    async def _talk(self, thread_id: str, **place: str) -> str:
        self._number += 1
        run_id = f"{thread_id} {self._chance.getrandbits(64)}"
        spec = RunSpec("agent", None, thread_id, run_id)
        lease = (await self._stores.runs.submit(spec, "storm", TTL_S, QUEUE_LIMIT)).lease
        assert lease is not None
        verb = self._chance.choice(["ask", "ask", "ask", "forget"])
        text = f"{verb} {self._number} " + "x" * self._chance.choice([10, 2_000, 40_000])
        await turn(self._pregel, text, thread_id, run_id=run_id, **place)
        await self._stores.runs.finish(
            lease, Event(1, 2, "finished", {}), unwritten=[Event(1, 1, "custom", text)]
        )
        await self._stores.checkpoints.prune(thread_id)
        return run_id

    async def _fork(self, thread_id: str) -> None:
        kept = await self._stores.checkpoints.tree(thread_id)
        place = {"checkpoint_id": self._chance.choice(kept).checkpoint_id} if kept else {}
        await self._talk(thread_id, **place)

    async def _roll_back(self, thread_id: str) -> None:
        run_id = await self._talk(thread_id)
        await self._stores.checkpoints.roll_back(thread_id, [run_id])

    async def _delete(self, thread_id: str) -> None:
        await self._stores.threads.delete(thread_id)


async def main(folder: Path, seed: int) -> None:
    """Open the stores in the folder, and do things to them for ever."""
    async with open_stores(folder, Retention(checkpoints=3)) as stores:
        await Storm(stores, seed).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
