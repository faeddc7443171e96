"""How long a stream may be silent."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Result = TypeVar("Result")


class Silent(Exception):
    """There was no sign of life in time."""


class Watch:
    """Bounds each wait to timeout_s behind the last sign of life; 0 and None are no bound.

    One timer for all of them, which looks anew when it fires: a sign of life costs a look at the clock.
    """

    def __init__(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s or None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._limit: asyncio.Timeout | None = None
        self.note()

    def note(self) -> None:
        """Take note of a sign of life."""
        self._noted_s = self._loop.time()

    async def wait(self, awaitable: Awaitable[Result]) -> Result:
        """Wait for it. Raises Silent, and what it raises."""
        if self._timeout_s and self._timer is None:
            self._timer = self._loop.call_at(self._noted_s + self._timeout_s, self._look, self._timeout_s)
        try:
            async with asyncio.timeout(None) as limit:
                self._limit = limit
                return await awaitable
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise Silent from error
        finally:
            self._limit = None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, timeout_s: float) -> None:
        self._timer = None
        if self._limit is None:  # the next wait looks at once
            return
        if (due_s := self._noted_s + timeout_s) > self._loop.time():
            self._timer = self._loop.call_at(due_s, self._look, timeout_s)
        else:
            self._limit.reschedule(self._loop.time())
