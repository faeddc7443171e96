"""How fast the demo model talks: each chunk has a moment on a schedule, so that delays don't add up."""

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """A schedule: the first chunk after first_s seconds, then one every gap_s."""

    first_s: float = 0
    gap_s: float = 0

    @classmethod
    def of(cls, *, ttft_ms: float, tps: float) -> "Pace":
        """Make a pace from a time to the first token and tokens a second; 0 is as fast as possible."""
        return cls(first_s=ttft_ms / 1000, gap_s=1 / tps if tps else 0)

    def wait(self, index: int, started_s: float) -> None:
        """Sleep in this thread until chunk `index` is due; started_s is what time.monotonic() was."""
        if (left_s := self._left_s(index, started_s)) > 0:
            time.sleep(left_s)

    async def await_turn(self, index: int, started_s: float) -> None:
        """Wait until chunk `index` is due; started_s is what time.monotonic() was."""
        if (left_s := self._left_s(index, started_s)) > 0:
            await asyncio.sleep(left_s)

    def _left_s(self, index: int, started_s: float) -> float:
        due_s = self.first_s + index * self.gap_s
        return started_s + due_s - time.monotonic() if due_s else 0
