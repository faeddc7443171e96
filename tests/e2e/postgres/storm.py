"""A storm over several servers behind nginx: they are killed, stopped and drained, and so is their database.

Clients come to whichever server nginx sends them to; what is refused for the moment, they try again.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby, pairwise

import httpx

from tests.e2e.answers import Answers
from tests.e2e.postgres.cluster import Cluster
from tests.e2e.postgres.strikes import Strikes
from tests.e2e.processes import Server
from tests.e2e.storm import Json, Kill, Plan, Storm, Turn
from tests.patience import PATIENCE_S
from tests.protocols.following import Seen

UNAVAILABLE = {502, 503, 504}
# A server pings every 5 s: one that is silent for longer is stopped, and its client goes elsewhere.
TIMEOUT = httpx.Timeout(PATIENCE_S, read=8.0)
AGAIN_S = 0.05
QUESTIONS_LIMIT = 10  # two, and each once more for every attempt that died with its answer


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
    """Over several servers: the strikes are theirs, and there are also threads whose graph asks.

    asked: by thread, the answers that were given, and the thread's state at the end.
    """

    def __init__(
        self, front: str, answers: Answers, tool_log: Callable[[], Counter[str]], strikes: Strikes
    ) -> None:
        super().__init__(Front(front), answers, tool_log)  # type: ignore[arg-type]  # has what it needs
        self.timeout = TIMEOUT
        self.asked: dict[str, Json] = {}
        self._strikes = strikes

    def rage(self, plan: Plan) -> None:
        for thread_id in plan.background:
            self._do(self._answer_what_is_asked, f"{thread_id}-asked")
        super().rage(plan)

    def strike(self, kill: Kill) -> None:
        self.kills += 1
        self._strikes.strike()

    def _answer_what_is_asked(self, thread_id: str) -> None:
        """Start a run of the graph that asks, and answer its questions until it has ended."""
        body: Json = {"input": {"said": []}, "thread_id": thread_id}
        path = "/asking/runs"
        for number in range(QUESTIONS_LIMIT):
            run_id = self._start(path, body, f"{thread_id}-{number}")
            run = self._ended(f"/asking/runs/{run_id}")
            if run["status"] != "interrupted":
                break
            [question] = [each["value"] for each in run["interrupts"]]
            path, body = f"/asking/runs/{run_id}/resume", {"resume": f"answer to {question}"}
        self.asked[thread_id] = self._got(f"/asking/threads/{thread_id}") | {"run": run}

    def _start(self, path: str, body: Json, key: str) -> str:
        run_id = ""

        def post(server: Server) -> None:
            nonlocal run_id
            headers = {"idempotency-key": key}
            response = httpx.post(server.url + path, json=body, headers=headers, timeout=self.timeout)
            self.check(response, 201)
            run_id = response.json()["run_id"]

        self._until_answered(post)
        return run_id

    def _ended(self, path: str) -> Json:
        """Return the run when it has ended."""
        turn = Turn("", "", run_id=path.rpartition("/")[2], graph="asking")
        self._follow(turn)
        return self._got(path)

    def _got(self, path: str) -> Json:
        found: Json = {}

        def get(server: Server) -> None:
            nonlocal found
            response = httpx.get(server.url + path, timeout=self.timeout)
            self.check(response, 200)
            found = response.json()

        self._until_answered(get)
        return found

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


def each_question_has_its_own_answer(storm: ClusterStorm) -> None:
    """A run that was given up, killed as often as it was begun, may have got no answer."""
    for thread_id, thread in storm.asked.items():
        said = thread["values"]["said"]
        assert said == [[each, f"answer to {each}"] for each in ("one?", "two?")][: len(said)], thread_id
        if thread["run"]["status"] != "success":
            assert thread["run"]["error"]["code"] == "run_crashed", (thread_id, thread)
        else:
            assert len(said) == 2, (thread_id, thread)


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
