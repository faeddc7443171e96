"""A session with a server of tools, as an MCP client has it: a task of its own in the loop that opened it.

As with anyio's cancel scopes, it must be closed by the task that opened it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_numbers = itertools.count(1)
opened: set[int] = set()


class Session:
    def __init__(self) -> None:
        self.number = next(_numbers)
        self._asked: asyncio.Queue[tuple[str, asyncio.Future[str]]] = asyncio.Queue()

    async def call(self, tool: str) -> str:
        answer = asyncio.get_running_loop().create_future()
        await self._asked.put((tool, answer))
        return await answer

    async def serve(self) -> None:
        while True:
            tool, answer = await self._asked.get()
            answer.set_result(f"{tool} done, {len(opened)} open")


@asynccontextmanager
async def open_session() -> AsyncIterator[Session]:
    owner = asyncio.current_task()
    async with asyncio.TaskGroup() as tasks:
        session = Session()
        serving = tasks.create_task(session.serve())
        opened.add(session.number)
        try:
            yield session
        finally:
            assert asyncio.current_task() is owner, "closed by another task than the one that opened it"
            opened.discard(session.number)
            serving.cancel()
