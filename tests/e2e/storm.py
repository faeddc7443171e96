"""A storm: conversations over several threads while the server is killed and started again.

Whatever happens to the server, each client behaves as a good one does: it sends again, with its idempotency
key, what it has no answer to, and reconnects to a run with the last id it saw.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from seltzer.runs.event import TERMINAL_KINDS
from tests.e2e.answers import Answers
from tests.e2e.processes import Home, Server
from tests.patience import PATIENCE_S
from tests.protocols.following import Seen, all_events, events

Json = dict[str, Any]


@dataclass(slots=True, repr=False)
class Turn:
    """A turn that a client asked for, and what became of it.

    seen is what its reader saw, over all connections; run and replay are the server's word at the end.
    is_ended: an attached run's client had the whole answer. is_cancelled: a cancel was accepted.
    """

    thread_id: str
    question: str
    graph: str = "agent"
    is_attached: bool = False
    run_id: str | None = None
    seen: list[Seen] = field(default_factory=list)
    is_ended: bool = False
    is_cancelled: bool = False
    run: Json = field(default_factory=dict)
    replay: list[Seen] = field(default_factory=list)

    def __repr__(self) -> str:
        seen, replay = (
            [f"{event.id} {event.kind}" for event in reader] for reader in (self.seen, self.replay)
        )
        return f"{self.question!r} on {self.thread_id}: {self.run}, {seen=}, {replay=}"


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill when so many events more have been seen, by all readers, and then so many seconds."""

    after_events: int
    and_s: float


@dataclass(slots=True)
class Plan:
    """What happens in a storm, by thread: a function of the seed."""

    background: dict[str, list[str]]
    attached: dict[str, tuple[str, str]]  # path and question
    cancelled: dict[str, tuple[str, int]]  # a long question, and how many of its events are read before
    kills: list[Kill]


def plan(seed: int) -> Plan:
    chance = random.Random(seed)
    numbers = itertools.count(1000 * seed + 100)

    def questions(kinds: Sequence[str]) -> list[str]:
        return [f"{kind} {next(numbers)}" for kind in kinds]

    conversations = [["long"], ["sum", "plain"], ["plain", "sum", "brief"], ["sum", "sum"]]
    background = {
        f"storm-{seed}-{place}": questions(chance.sample(kinds, len(kinds)))
        for place, kinds in enumerate(conversations)
    }
    attached = {
        f"attached-{seed}-{path[1:5]}": (path, questions([chance.choice(["sum", "plain"])])[0])
        for path in ("/chat", "/agent/stream")
    }
    kills = [Kill(chance.randrange(0, 180), chance.uniform(0, 0.03))]
    while len(kills) < 3 and chance.random() < 0.3:
        kills.append(Kill(chance.randrange(0, 60), chance.uniform(0, 0.03)))
    cancelled = {f"cancelled-{seed}": (questions(["long"])[0], chance.randrange(0, 80))}
    return Plan(background, attached, cancelled, kills)


def has_ended(turn: Turn) -> bool:
    """Return whether its reader has seen the run's last event."""
    return bool(turn.seen) and turn.seen[-1].kind in TERMINAL_KINDS


class Storm:
    """Carries a plan out. Call rage(), then look at what there is."""

    def __init__(self, home: Home, answers: Answers, tool_log: Callable[[], Counter[str]]) -> None:
        self.answers = answers
        self.turns: list[Turn] = []
        self.threads: dict[str, list[Json]] = {}
        self.kills = 0
        self.computed = tool_log
        self.timeout: httpx.Timeout | float = PATIENCE_S
        self._home = home
        self._seen = threading.Condition()
        self._seen_count = 0
        self._clients: list[threading.Thread] = []
        self._active = 0  # of them
        self._errors: list[BaseException] = []

    def rage(self, plan: Plan) -> None:
        """Ask, kill, start again; wait until all is over, then collect the server's records of it.

        The server may run already, with the data of earlier storms.
        """
        if not self._home.is_up:
            self._home.start()
        for thread_id, questions in plan.background.items():
            self._do(self._converse, thread_id, questions)
        for thread_id, (path, question) in plan.attached.items():
            self._do(self._ask_attached, Turn(thread_id, question, is_attached=True), path)
        for thread_id, (question, after_events) in plan.cancelled.items():
            self._do(self._cancel, Turn(thread_id, question), after_events)
        for kill in plan.kills:
            self._wait_for(kill)
            self.strike(kill)
        for client in self._clients:  # grows while they start readers
            client.join(PATIENCE_S)
        if self._errors:
            raise BaseExceptionGroup("clients of the storm failed", self._errors)
        assert not [client.name for client in self._clients if client.is_alive()]
        self._collect()

    def strike(self, kill: Kill) -> None:
        """Do what the plan has for this moment."""
        self._home.kill()
        self.kills += 1
        self._home.start()

    def check(self, response: httpx.Response, status: int) -> None:
        """Check that the request was answered as it has to be."""
        assert response.status_code == status, response.read()

    def check_event(self, event: Seen) -> None:
        """Check that the event is one of the run's own: no server of this storm drains."""
        assert event.kind != "draining"

    def ask_once_more(self, thread_id: str, question: str) -> list[Seen]:
        """Ask on a thread, and return all its events."""
        with httpx.Client(base_url=self._home.up().url, timeout=PATIENCE_S) as client:
            body = {"input": question, "thread_id": thread_id}
            wanted = {"accept": "text/event-stream"}
            with client.stream("POST", "/agent/runs", json=body, headers=wanted) as response:
                assert response.status_code == 201, response.read()
                return list(events(response))

    def _do(self, work: Callable[..., None], *arguments: Any) -> None:
        def guarded() -> None:
            try:
                work(*arguments)
            except BaseException as error:  # noqa: BLE001  # raised again in the test's own thread
                with self._seen:
                    self._errors.append(error)
            finally:
                with self._seen:
                    self._active -= 1
                    self._seen.notify_all()

        client = threading.Thread(target=guarded, name=f"{work.__name__} {arguments[0]}", daemon=True)
        self._clients.append(client)
        with self._seen:
            self._active += 1
        client.start()

    def _wait_for(self, kill: Kill) -> None:
        with self._seen:
            upto = self._seen_count + kill.after_events
            assert self._seen.wait_for(lambda: self._seen_count >= upto or self._is_over(), PATIENCE_S)
        threading.Event().wait(kill.and_s)

    def _is_over(self) -> bool:
        return bool(self._errors) or not self._active

    def _count(self) -> None:
        with self._seen:
            self._seen_count += 1
            self._seen.notify_all()

    def _converse(self, thread_id: str, questions: list[str]) -> None:
        """Ask all of them one after the other, each run followed by a reader of its own."""
        for question in questions:
            turn = Turn(thread_id, question)
            self.turns.append(turn)
            self._until_answered(partial(self._submit, turn))
            self._do(self._follow, turn)

    def _cancel(self, turn: Turn, after_events: int) -> None:
        """Ask, and cancel the run when so many of its events were read, or it has ended."""
        self.turns.append(turn)
        self._until_answered(partial(self._submit, turn))
        self._do(self._follow, turn)
        with self._seen:
            self._seen.wait_for(lambda: len(turn.seen) >= after_events or has_ended(turn), PATIENCE_S)
        self._until_answered(partial(self._request_cancel, turn))
        turn.is_cancelled = True

    def _request_cancel(self, turn: Turn, server: Server) -> None:
        url = f"{server.url}/agent/runs/{turn.run_id}/cancel"
        self.check(httpx.post(url, timeout=self.timeout), 202)

    def _submit(self, turn: Turn, server: Server) -> None:
        body = {"input": turn.question, "thread_id": turn.thread_id, "on_busy": "enqueue"}
        key = {"idempotency-key": f"{turn.thread_id}-{turn.question.replace(' ', '-')}"}
        response = httpx.post(f"{server.url}/agent/runs", json=body, headers=key, timeout=self.timeout)
        self.check(response, 201)
        turn.run_id = response.json()["run_id"]

    def _follow(self, turn: Turn) -> None:
        self._until_answered(partial(self._read, turn))

    def _read(self, turn: Turn, server: Server) -> None:
        after = {"last-event-id": turn.seen[-1].id} if turn.seen else {}
        url = f"{server.url}/{turn.graph}/runs/{turn.run_id}/events"
        with httpx.stream("GET", url, headers=after, timeout=self.timeout) as response:
            self.check(response, 200)
            for event in events(response):
                self.check_event(event)
                turn.seen.append(event)
                self._count()
        assert has_ended(turn), "it ended cleanly without a last event"

    def _ask_attached(self, turn: Turn, path: str) -> None:
        """Ask over a request that the run lives and dies with; not again if it dies."""
        self.turns.append(turn)
        body: Json = {"text": turn.question, "thread_id": turn.thread_id}
        if path != "/chat":
            body = {"input": turn.question, "config": {"configurable": {"thread_id": turn.thread_id}}}
        server = self._home.up()
        try:
            with httpx.stream("POST", server.url + path, json=body, timeout=self.timeout) as response:
                self.check(response, 200)
                turn.run_id = response.headers["x-run-id"]
                for _ in response.iter_raw():
                    self._count()
            turn.is_ended = True
        except httpx.TransportError as error:
            self._check_dead(server, error)

    def _until_answered(self, request: Callable[[Server], None]) -> None:
        """Repeat the request on the next server as long as servers die over it."""
        while True:
            server = self._home.up()
            try:
                request(server)
            except httpx.TransportError as error:
                self._check_dead(server, error)
            else:
                return

    def _check_dead(self, server: Server, error: httpx.TransportError) -> None:
        """Wait for the server to be gone: only a dead one may break a connection."""
        if not server.is_dead.wait(PATIENCE_S):
            raise error

    def _collect(self) -> None:
        with httpx.Client(base_url=self._home.up().url, timeout=PATIENCE_S) as client:
            for turn in self.turns:
                if turn.run_id is not None:
                    turn.run = client.get(f"/agent/runs/{turn.run_id}").raise_for_status().json()
                    turn.replay = all_events(client, f"/agent/runs/{turn.run_id}/events")
            for thread_id in dict.fromkeys(turn.thread_id for turn in self.turns):
                answer = client.get(f"/agent/threads/{thread_id}")
                found = answer.raise_for_status().json()["values"] if answer.status_code != 404 else {}
                self.threads[thread_id] = found.get("messages", [])
