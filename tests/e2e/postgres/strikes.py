"""What a storm does to the servers and to their database, by the seed's chance."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable

from tests.e2e.postgres.cluster import Cluster
from tests.e2e.processes import Home
from tests.stores.postgres.server import TestServer

LEASE_S = 10.0
GAP_S = 0.05
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
STRIKES = ("kill", "kill", "drain", "restart", "terminate", "pause", "stop")


class Strikes:
    """Strikes one of the servers, or the database. struck: the names of the strikes so far."""

    def __init__(self, cluster: Cluster, database: TestServer, chance: random.Random) -> None:
        self.struck: list[str] = []
        self._cluster = cluster
        self._database = database
        self._chance = chance

    def strike(self) -> None:
        name, home = self._chance.choice(STRIKES), self._chance.choice(self._cluster.homes)
        self.struck.append(name)
        strike: Callable[[Home], None] = getattr(self, f"_{name}")
        strike(home)

    def _kill(self, home: Home) -> None:
        home.kill()
        home.start()

    def _drain(self, home: Home) -> None:
        server = home.up()
        server.signal(signal.SIGTERM)
        server.wait()
        home.start()

    def _pause(self, home: Home) -> None:
        """Stop it for less than its leases last: nobody else may have claimed its runs."""
        self._stop_for(home, LEASE_S / 10)

    def _stop(self, home: Home) -> None:
        """Stop it for longer: others have claimed its runs."""
        self._stop_for(home, LEASE_S * 1.3)

    def _stop_for(self, home: Home, seconds: float) -> None:
        server = home.up()
        server.signal(signal.SIGSTOP)
        threading.Event().wait(seconds)
        server.signal(signal.SIGCONT)

    def _restart(self, home: Home) -> None:
        self._database.restart("immediate")

    def _terminate(self, home: Home) -> None:
        for _ in range(5):
            self._cluster.query(TERMINATE)
            threading.Event().wait(GAP_S)
