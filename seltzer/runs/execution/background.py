"""BackgroundTasks: work that only the process's end waits for."""

import asyncio
import logging
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

from seltzer.errors import StorageFailed

log = logging.getLogger(__name__)


class BackgroundTasks:
    """Work in tasks of its own, each in an empty context; a store that fails is logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin the work, and return its task, for whoever wants to wait for it: by a shield."""
        task = asyncio.create_task(self._do(work), name="background work", context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard, context=Context())
        return task

    async def aclose(self) -> None:
        """Wait for what was begun, and for what that begins."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _do(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StorageFailed as error:
            log.error("the stores can't be kept in order", exc_info=error)
