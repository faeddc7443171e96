"""What savers share that store each message once a thread, whatever their database is."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from copy import copy
from typing import Any, Final, Self

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, get_checkpoint_id

from seltzer.runs.execution.fence import FENCE, Fence
from seltzer.stores.checkpoints.durability import Triggers
from seltzer.stores.checkpoints.message_cache import MessageCache
from seltzer.stores.checkpoints.progress import CheckpointCounts
from seltzer.stores.checkpoints.retention import ROOT, is_lasting
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.sync_half import SyncHalf
from seltzer.stores.options import ClassName

WRITTEN_LIMIT: Final = 64  # messages; a node that writes more passes on a state that it was given


class MessageSaver(SyncHalf):
    """Reads and lists checkpoints, for one event loop; a database's own saver writes them.

    triggers: the channels that make its graph's nodes run, where its state is declared.
    """

    serde: SafeSerializer
    triggers: Triggers = None

    def __init__(self, cache: MessageCache, serde: SafeSerializer) -> None:
        super().__init__(serde=serde)
        self.counts = CheckpointCounts()
        self._cache = cache
        self._serializers: dict[frozenset[ClassName], SafeSerializer] = {}

    def for_graph(self, classes: Iterable[ClassName], triggers: Triggers) -> Self:
        """Return a saver that also revives these classes, for a graph whose nodes these channels trigger.

        Savers for the same classes share their cached messages: a factory may make a graph for each run.
        """
        saver, key = copy(self), frozenset(classes)
        if key not in self._serializers:
            self._serializers[key] = self.serde.allowing(key)
        saver.serde = self._serializers[key]
        saver.triggers = triggers
        return saver

    @abstractmethod
    async def load(self, thread_id: str, namespace: str, checkpoint_id: str | None) -> CheckpointTuple | None:
        """Return the checkpoint, or without an id the newest one, with its writes. Raises StorageFailed."""

    @abstractmethod
    async def places(
        self,
        config: RunnableConfig | None,
        filter: dict[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Sequence[tuple[str, str, str]]:
        """Return the threads, namespaces and ids of alist()'s checkpoints. Raises StorageFailed."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        configurable, checkpoint_id = config["configurable"], get_checkpoint_id(config)
        thread_id, namespace = str(configurable["thread_id"]), configurable.get("checkpoint_ns", ROOT)
        fence: Fence | None = configurable.get(FENCE)
        if fence is not None and fence.is_thread_new:
            if self._cache.lists(self.serde, thread_id):  # of another thread, which had the id before
                self._cache.evict(thread_id)
            return None
        if fence is not None and (place := (namespace, checkpoint_id)) in fence.ahead:
            found = fence.ahead.pop(place)
        else:
            found = await self.load(thread_id, namespace, checkpoint_id)
        return found._replace(config=config) if found and checkpoint_id else found

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield the checkpoints, the one written last first.

        before: only those written before that one, of whatever namespace; if it isn't kept any more, before
        those whose ids have a later time. Others are listed in place of those that are deleted meanwhile.
        """
        while True:
            places = await self.places(config, filter, before, limit)
            gone = 0
            for place in places:
                found = await self.load(*place)
                if found is not None:
                    yield found
                gone += found is None
            if limit is None or not gone:
                return
            limit, before = gone, {"configurable": {"checkpoint_id": places[-1][2]}}

    def note_put(self, config: RunnableConfig) -> None:
        """Note that a checkpoint is stored with that config."""
        configurable = config["configurable"]
        namespace = configurable["checkpoint_ns"]
        if namespace == ROOT:
            is_first = configurable.get("checkpoint_id") is None
            self.counts.add(str(configurable["thread_id"]), is_first=is_first)
        elif is_lasting(namespace) and FENCE in configurable:
            configurable[FENCE].has_lasting = True


def place_of(config: RunnableConfig, checkpoint_id: str) -> RunnableConfig:
    """Return the config of the checkpoint that was stored with the given one."""
    configurable = config["configurable"]
    place = {"thread_id": configurable["thread_id"], "checkpoint_ns": configurable["checkpoint_ns"]}
    return {"configurable": {**place, "checkpoint_id": checkpoint_id}}


def check_fence(config: RunnableConfig) -> Fence | None:
    """Return the fence of who writes, if there is one. The thread isn't new any more.

    Raises LeaseLost if it was revoked.
    """
    fence: Fence | None = config["configurable"].get(FENCE)
    if fence is not None:
        fence.check()
        fence.is_thread_new = False
    return fence


def possible_messages(value: Any) -> list[Any]:
    """Return what may be messages that a node wrote, unless there are so many that it passes a state on."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values if len(values) <= WRITTEN_LIMIT else []
