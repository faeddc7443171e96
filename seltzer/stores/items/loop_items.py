"""A store of items in the server's event loop, which nodes that run in threads use, too."""

import asyncio
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Final

from langgraph.store.base import (
    BaseStore,
    GetOp,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchOp,
)

from seltzer.errors import RunFailed
from seltzer.stores.items.configuration import ttl_config
from seltzer.stores.items.storable import checked
from seltzer.stores.options import StoreOptions

_AWAITED: Final[dict[type[Any], str]] = {
    PutOp: "aput",
    GetOp: "aget",
    SearchOp: "asearch",
    ListNamespacesOp: "alist_namespaces",
}


class LoopItems(BaseStore):
    """A BaseStore for one event loop; its verbs without an `a` are for other threads."""

    supports_ttl = True

    def __init__(self, options: StoreOptions) -> None:
        self.ttl_config = ttl_config(options.ttl)
        self._loop = asyncio.get_running_loop()

    @abstractmethod
    async def execute(self, ops: Sequence[Op]) -> list[Result]:
        """Do what is asked, in the loop; it was checked. Raises StorageFailed where the store fails."""

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do as BaseStore.abatch does. Raises StorageFailed, RunFailed for what no store can keep."""
        return await self.execute([checked(each) for each in ops])

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do as BaseStore.batch does, from a thread. Raises RunFailed in the event loop itself.

        LangGraph's own server refuses such a call, too.
        """
        try:
            is_in_loop = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            is_in_loop = False
        if is_in_loop:
            named = {_AWAITED[type(op)] for op in ops if type(op) in _AWAITED} or {"abatch"}
            todo = " or ".join(f"`await store.{each}(..)`" for each in sorted(named))
            raise RunFailed(
                "graph_error",
                f"An async node called the store without awaiting, which would stop the server: use {todo}.",
            )
        return asyncio.run_coroutine_threadsafe(self.abatch(ops), self._loop).result()
