"""The blocking half of a checkpoint saver: called in a thread, it runs the async half in the event loop."""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from random import random
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

if TYPE_CHECKING:
    from langgraph.checkpoint.base import DeltaChannelHistory  # since langgraph-checkpoint 4.1

T = TypeVar("T")


class SyncHalf(BaseCheckpointSaver[str]):
    """What LangGraph calls of a saver in a thread, such as that of a node which is a plain function.

    Created in the event loop that it uses. Raises InvalidStateError where that loop would wait for itself.
    """

    def __init__(self, *, serde: SerializerProtocol) -> None:
        super().__init__(serde=serde)
        self._loop = asyncio.get_running_loop()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self._run(self.aget_tuple(config))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        found = aiter(self.alist(config, filter=filter, before=before, limit=limit))

        async def next_one() -> CheckpointTuple | None:
            return await anext(found, None)

        while (each := self._run(next_one())) is not None:
            yield each

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self._run(self.aput(config, checkpoint, metadata, new_versions))

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        self._run(self.aput_writes(config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        self._run(self.adelete_thread(thread_id))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, "DeltaChannelHistory"]:
        return self._run(self.aget_delta_channel_history(config=config, channels=channels))

    def get_next_version(self, current: str | None, channel: None) -> str:
        """Number a channel's versions as LangGraph's own savers do, and stored threads have them."""
        number = 0 if current is None else int(current.split(".")[0])
        return f"{number + 1:032}.{random():016}"

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._is_in_loop():
            coroutine.close()
            raise asyncio.InvalidStateError(
                "the event loop can't wait for itself: await the method whose name begins with `a`"
            )
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _is_in_loop(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False
