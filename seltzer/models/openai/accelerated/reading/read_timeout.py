"""How long a stream may be silent."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Result = TypeVar("Result")


class ReadTimedOut(Exception):
    """Nothing that counts has arrived in time."""


class ReadTimeout:
    """Bounds each wait to timeout_s after the last reset; 0 and None are no bound.

    One timer serves all waits and checks anew when it fires: a reset costs one look at the clock.
    """

    def __init__(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s or None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._limit: asyncio.Timeout | None = None
        self.reset()

    def reset(self) -> None:
        """Begin the time anew: something has arrived."""
        self._reset_s = self._loop.time()

    async def wait(self, awaitable: Awaitable[Result]) -> Result:
        """Wait for it. Raises ReadTimedOut, and what it raises."""
        if self._timeout_s and self._timer is None:
            self._timer = self._loop.call_at(self._reset_s + self._timeout_s, self._check, self._timeout_s)
        try:
            async with asyncio.timeout(None) as limit:
                self._limit = limit
                return await awaitable
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise ReadTimedOut from error
        finally:
            self._limit = None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _check(self, timeout_s: float) -> None:
        self._timer = None
        if self._limit is None:  # the next wait checks at once
            return
        if (due_s := self._reset_s + timeout_s) > self._loop.time():
            self._timer = self._loop.call_at(due_s, self._check, timeout_s)
        else:
            self._limit.reschedule(self._loop.time())
