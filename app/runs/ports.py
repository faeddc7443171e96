"""The ports: what the core needs of a store. Stores satisfy them; they don't inherit from them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from app.runs.event import Cursor, Event, RunId


class EventLog(Protocol):
    """The one log of what runs said."""

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        """Store the events of many runs in one round trip, and return the runs that are fenced.

        Idempotent by (run, attempt, seq). A run is fenced when a later attempt has already written.
        """
        ...

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        """Return each run's stored events behind its cursor, in order.

        A run the log doesn't know is left out. Raises StreamGap if a cursor lies before what is kept.
        """
        ...

    async def expire(self, run_id: RunId, ttl_s: float) -> None:
        """Forget the run's events in ttl_s seconds."""
        ...
