"""How runs are claimed: those whose lease has run out or whose process has died, then those that wait."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from seltzer.runs.ports import ORPHAN_S
from seltzer.stores.postgres.connections.database import Connection
from seltzer.stores.postgres.connections.queries import Row, fetch_all
from seltzer.stores.postgres.statements import runs as statements


@dataclass(slots=True)
class Claim:
    """One call of Runs.claim, whose arguments these are.

    gone: the processes that have died, as in Liveness. has_settled: leases that have run out count. token:
    distinguishes the call, as it may have leased runs though its answer was lost.
    """

    worker: str
    limit: int
    ttl_s: float
    graphs: list[str] | None
    process: int | None
    gone: Mapping[int, datetime]
    has_settled: bool
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    _tries: int = 0

    async def rows(self, connection: Connection) -> list[Row]:
        """Lease the runs, in a transaction, and return their rows."""
        of_call = {"worker": self.worker, "token": self.token}
        self._tries += 1
        if self._tries > 1 and (claimed := await fetch_all(connection, statements.CLAIMED, of_call)):
            return claimed
        served = {"graphs": self.graphs, "orphan_s": ORPHAN_S}
        expired = served | {
            "gone": [*self.gone.keys()],
            "gone_until": [*self.gone.values()],
            "has_settled": self.has_settled,
            "limit": self.limit,
        }
        found = await fetch_all(connection, statements.EXPIRED, expired)
        if (room := self.limit - len(found)) > 0:
            waiting = served | {"worker": self.worker, "limit": room}
            found += await fetch_all(connection, statements.WAITING_FIRST, waiting)
        if not found:
            return []
        leased = {"process": self.process, "ttl_s": self.ttl_s, "numbers": [row["number"] for row in found]}
        return await fetch_all(connection, statements.START_ATTEMPTS, of_call | leased)
