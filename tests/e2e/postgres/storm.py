"""A storm over several servers behind nginx: they are killed, stopped and drained, and so is their database.

Clients come to whichever server nginx sends them to; what is refused for the moment, they try again.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby, pairwise

import httpx

from tests.e2e.answers import Answers
from tests.e2e.postgres.cluster import Cluster
from tests.e2e.processes import Home, Server
from tests.e2e.storm import Kill, Storm, Turn
from tests.patience import PATIENCE_S
from tests.protocols.following import Seen
from tests.stores.postgres.server import TestServer

LEASE_S = 10.0
UNAVAILABLE = {502, 503, 504}
# A server pings every 5 s: one that is silent for longer is stopped, and its client goes elsewhere.
TIMEOUT = httpx.Timeout(PATIENCE_S, read=8.0)
AGAIN_S = 0.05
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
STRIKES = ("kill", "kill", "drain", "restart", "terminate", "pause", "stop")


class Unavailable(Exception):
    """A server, or the proxy for it, refuses for the moment, and says so."""


class Front:
    """What the storm sees in place of a home: nginx, which is always up."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_up = True

    def up(self) -> Front:
        return self


class ClusterStorm(Storm):
    """Strikes one of the servers, or the database, by the seed's chance."""

    def __init__(
        self,
        cluster: Cluster,
        front: str,
        database: TestServer,
        answers: Answers,
        tool_log: Callable[[], Counter[str]],
        chance: random.Random,
    ) -> None:
        super().__init__(Front(front), answers, tool_log)  # type: ignore[arg-type]  # has what it needs
        self.timeout = TIMEOUT
        self.struck: list[str] = []
        self._cluster = cluster
        self._database = database
        self._chance = chance

    def strike(self, kill: Kill) -> None:
        name, home = self._chance.choice(STRIKES), self._chance.choice(self._cluster.homes)
        self.struck.append(name)
        self.kills += 1
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
            threading.Event().wait(AGAIN_S)

    def check(self, response: httpx.Response, status: int) -> None:
        if response.status_code in UNAVAILABLE:
            raise Unavailable(response.read())
        super().check(response, status)

    def check_event(self, event: Seen) -> None:
        if event.kind == "draining":
            raise Unavailable

    def ask_once_more(self, thread_id: str, question: str) -> list[Seen]:
        turn = Turn(thread_id, question)
        self._until_answered(lambda server: self._submit(turn, server))
        self._until_answered(lambda server: self._read(turn, server))
        return turn.seen

    def _until_answered(self, request: Callable[[Server], None]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return request(self._home.up())
            except (httpx.TransportError, Unavailable):
                assert time.monotonic() < deadline, "it was never answered"
            threading.Event().wait(AGAIN_S)

    def _ask_attached(self, turn: Turn, path: str) -> None:
        with suppress(Unavailable):  # before it had an answer: nothing was accepted that its client knows of
            super()._ask_attached(turn, path)

    def _check_dead(self, server: Server, error: httpx.TransportError) -> None:
        """Accept any end of a connection: which server it led to isn't known."""


def an_attached_run_that_failed_has_told_its_client(storm: Storm) -> None:
    for turn in storm.turns:
        if turn.is_attached and turn.run_id is not None and turn.run["status"] != "success":
            assert turn.run["status"] == "error", turn
            assert turn.run["error"]["code"] in {"client_gone", "server_draining"}, turn


def one_run_at_a_time_has_written_to_a_thread(storm: Storm, cluster: Cluster) -> None:
    """The states of a thread's runs never alternate, and each run's attempts come one after the other."""
    rows = cluster.query(
        "SELECT thread_id, run_id FROM seltzer.checkpoints WHERE checkpoint_ns = '' AND run_id <> ''"
        " ORDER BY thread_id, seq"
    )
    for thread_id, of_thread in groupby(rows, key=lambda row: row[0]):
        writers = [run_id for run_id, _ in groupby(row[1] for row in of_thread)]
        assert len(writers) == len(set(writers)), thread_id


def no_event_of_a_fenced_attempt_is_in_the_log(storm: Storm) -> None:
    for turn in storm.turns:
        attempts = [int(event.id.partition("-")[0]) for event in turn.replay]
        assert all(one <= later for one, later in pairwise(attempts)), turn
        ends = [attempts[at] for at, event in enumerate(turn.replay) if event.kind == "finished"]
        assert ends in ([], [turn.run.get("attempt")]), turn
