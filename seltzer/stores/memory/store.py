"""A store in memory, for as many engines as one likes: `Engine(graphs, MemoryStore().open)`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langgraph.store.memory import InMemoryStore

from seltzer.runs.ports import ANYTHING, Stores
from seltzer.stores.memory.checkpoints import MemoryCheckpoints
from seltzer.stores.memory.data import Data
from seltzer.stores.memory.event_log import MemoryEventLog
from seltzer.stores.memory.runs import MemoryRuns
from seltzer.stores.memory.threads import MemoryThreads


class MemoryStore:
    """What is stored, as long as this object is. Engines that share it must share an event loop."""

    def __init__(self, data: Data | None = None) -> None:
        self.data = data or Data()
        checkpoints = MemoryCheckpoints(self.data)
        self.stores = Stores(
            MemoryRuns(self.data),
            MemoryEventLog(self.data),
            MemoryThreads(self.data, checkpoints),
            checkpoints,
            InMemoryStore(),
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stores]:
        """Yield the stores; closing them changes nothing."""
        yield self.stores

    def wake_all(self) -> None:
        """Have every engine look at everything again, as after a lost connection."""
        self.data.publish(ANYTHING)
