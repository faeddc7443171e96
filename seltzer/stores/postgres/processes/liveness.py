"""Which of the other processes have died, judged by looks at their locks and their leases."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

GONE_S: Final = 0.2  # without its lock: a connection that is cut is made again sooner


@dataclass(frozen=True, slots=True)
class _Missing:
    """A process without its lock. until: the end of its newest lease when that was noticed."""

    since_s: float
    until: datetime


class Liveness:
    """What the looks have shown since forget().

    gone: by the keys of the processes that have died, the ends of the newest leases they had then.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()  # who had a lock
        self._missing: dict[int, _Missing] = {}
        self.gone: Mapping[int, datetime] = {}

    def look(self, now_s: float, alive: Collection[int], leases: Mapping[int, datetime]) -> None:
        """Note who has a lock, and until when the newest lease of each process with runs lasts.

        Has died who was seen, has runs, and has for GONE_S had neither a lock nor a lease renewed.
        """
        self._seen.update(alive)
        missing = {}
        for key in self._seen.intersection(leases).difference(alive):
            found = self._missing.get(key) or _Missing(now_s, leases[key])
            if (
                leases[key] > found.until
            ):  # without a lock, but alive: its leases count, until it is seen again
                self._seen.discard(key)
            else:
                missing[key] = found
        self._missing = missing
        self.gone = {key: each.until for key, each in missing.items() if now_s >= each.since_s + GONE_S}

    def next_look_s(self, now_s: float, usual_s: float) -> float:
        """Return in how many seconds to look again: sooner than usual if somebody may be gone then."""
        due = [each.since_s + GONE_S - now_s for key, each in self._missing.items() if key not in self.gone]
        return max(0.0, min([usual_s, *due]))

    def forget(self) -> None:
        """Begin anew: after a restart of the database nobody has a lock."""
        self._seen, self._missing, self.gone = set(), {}, {}
