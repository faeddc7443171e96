"""The hub: hands a fresh event to every reader of the process at once, from memory.

A reader that falls behind loses nothing: it is told so, and reads what it missed from the log.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.runs.event import Event, RunId

READER_LIMIT: Final = 1_000  # fresh events kept for one reader; beyond, it reads the log


class Reader:
    """One follower's inbox: bounded, filled by the hub, emptied by the follower."""

    __slots__ = ("_fresh", "_inbox", "has_missed")

    def __init__(self) -> None:
        self._inbox: deque[Event] = deque()
        self._fresh = asyncio.Event()
        self.has_missed = True  # what was said before it came

    def put(self, event: Event) -> None:
        """Take an event, or note that one was missed when the inbox is full.

        Once one was missed no later one is taken: the log has them all, and take() must not skip any.
        """
        if not self.has_missed and len(self._inbox) < READER_LIMIT:
            self._inbox.append(event)
        else:
            self._inbox.clear()
            self.has_missed = True
        self._fresh.set()

    def take(self) -> list[Event]:
        """Return what has come since the last call, in order."""
        events = list(self._inbox)
        self._inbox.clear()
        self._fresh.clear()
        return events

    async def wait(self) -> None:
        """Wait, without limit, until an event has come."""
        await self._fresh.wait()


class Hub:
    """Who reads which run in this process."""

    def __init__(self) -> None:
        self._readers: dict[RunId, set[Reader]] = {}

    def publish(self, run_id: RunId, event: Event) -> None:
        """Hand the event to the run's readers."""
        for reader in self._readers.get(run_id, ()):
            reader.put(event)

    @contextmanager
    def join(self, run_id: RunId) -> Iterator[Reader]:
        """Read the run until the block ends."""
        reader = Reader()
        self._readers.setdefault(run_id, set()).add(reader)
        try:
            yield reader
        finally:
            readers = self._readers[run_id]
            readers.discard(reader)
            if not readers:
                del self._readers[run_id]
