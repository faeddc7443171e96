"""The database is restarted, cut off, slow or full while runs are executed and read."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import httpx
import psycopg
import pytest

from seltzer.cursor import Cursor
from seltzer.runs.event import TERMINAL_KINDS
from tests.e2e.postgres.conftest import Three
from tests.e2e.postgres.network import Network
from tests.e2e.postgres.storm import UNAVAILABLE
from tests.e2e.postgres.strikes import TERMINATE
from tests.e2e.postgres.test_watch import path_of, start, up_to_second_word
from tests.e2e.processes import until
from tests.patience import PATIENCE_S
from tests.protocols.following import Seen, all_events, events, text_of
from tests.replies import Reply

WORDS = [f"w{n} " for n in range(40)]
ANSWER = "".join(WORDS)
STREAMS = 50


def read_through(urls: list[str], path: str) -> list[Seen]:
    """Read a run to its end as a good client does: on another server when one fails, by its last id."""
    seen: list[Seen] = []
    deadline, place = time.monotonic() + PATIENCE_S, 0
    while not (seen and seen[-1].kind in TERMINAL_KINDS):
        assert time.monotonic() < deadline, seen[-3:]
        after = {"last-event-id": seen[-1].id} if seen else {}
        url = f"{urls[place % len(urls)]}{path}/events"
        try:
            with httpx.stream("GET", url, headers=after, timeout=PATIENCE_S) as response:
                assert response.status_code in {200, *UNAVAILABLE}, response.read()
                if response.status_code == 200:
                    seen += (event for event in events(response) if event.kind != "draining")
        except httpx.TransportError:
            pass
        place += 1
    return seen


def check_order(seen: list[Seen]) -> None:
    """No event comes twice, nor out of order; what the last attempt shows is whole."""
    cursors = [Cursor.parse(event.id) for event in seen]
    assert all(one < later for one, later in pairwise(cursors))
    last = [cursor.seq for cursor in cursors if cursor.attempt == cursors[-1].attempt]
    assert last == list(range(1, len(last) + 1))


def answer_in(seen: list[Seen]) -> str:
    """Return the answer as a client has it that begins anew with each state."""
    states = [place for place, event in enumerate(seen) if event.kind == "state"]
    return text_of(seen[states[-1] :] if states else seen)


def halved(_body: object) -> Reply:
    return Reply(text=WORDS, gap_s=0.02, breaks="silence", after=len(WORDS) // 2)


@pytest.mark.parametrize("fault", ["restart", "terminate"])
def test_fifty_streams_outlive_what_happens_to_the_database(three: Three, fault: str) -> None:
    three.upstream.script(halved)
    clients, urls = [three.a, three.b, three.c], [home.url for home in three.homes]
    with ThreadPoolExecutor(STREAMS) as readers:
        paths = [path_of(start(clients[number % 3])) for number in range(STREAMS)]
        reading = [
            readers.submit(read_through, urls[number % 3 :] + urls[: number % 3], path)
            for number, path in enumerate(paths)
        ]
        for _ in paths:
            three.upstream.next_request()
        three.upstream.resume()
        if fault == "restart":
            three.database.restart("immediate")
        else:
            for _ in range(5):
                three.cluster.query(TERMINATE)
        seen = [each.result() for each in reading]

    for path, read in zip(paths, seen, strict=True):
        check_order(read)
        run = three.b.get(path).json()
        assert (run["status"], run["output"]) == ("success", ANSWER), run
        assert answer_in(read) == ANSWER
        assert all_events(three.c, f"{path}/events")[-1] == read[-1]


def test_a_server_without_its_database_is_not_ready_until_it_is_back(three: Three) -> None:
    assert three.a.get("/ready").status_code == 200

    three.database.stop("immediate")
    until(lambda: three.a.get("/ready").status_code == 503)
    refused = three.a.get("/ready").json()
    health = three.a.get("/health").status_code
    run = three.b.post("/agent/runs", json={"input": "count"})
    three.database.start()
    until(lambda: all(each.get("/ready").status_code == 200 for each in (three.a, three.b, three.c)))

    assert (refused["code"], health) == ("storage_failed", 200)
    assert (run.status_code, run.json()["code"]) == (503, "storage_failed")
    three.upstream.resume()
    assert all_events(three.c, f"{path_of(start(three.a))}/events")[-1].kind == "finished"


def test_a_process_that_is_cut_off_loses_its_runs_and_shows_nothing_that_isnt_theirs(three: Three) -> None:
    """For 20 s nothing passes between it and the database, and no connection is closed."""
    replies = iter([Reply(text=["one ", "two ", *["late "] * 60], breaks="silence", after=2)])
    three.upstream.script(lambda _body: next(replies, Reply(text="new answer")))
    with Network(three.cluster.url) as network:
        [cut_off] = three.cluster.start(1, DATABASE_URL=network.url)
        client = three.cluster.client(cut_off)
        path = path_of(start(client))
        up_to_second_word(three.b, path)
        try:
            with ThreadPoolExecutor(1) as reader:
                there = reader.submit(read_through, [cut_off.url], path)
                network.cut()
                until(lambda: client.get("/ready").status_code == 503)
                elsewhere = all_events(three.b, f"{path}/events")
                three.upstream.resume()
                threading.Event().wait(5)
                network.mend()
                seen = there.result()
            until(lambda: client.get("/ready").status_code == 200)
            again = path_of(start(client))
            assert all_events(three.c, f"{again}/events")[-1].kind == "finished"
        finally:
            cut_off.kill()
            three.cluster.homes.remove(cut_off)

    check_order(seen)
    assert (elsewhere[-1].kind, elsewhere[-1].id.partition("-")[0]) == ("finished", "2")
    assert answer_in(seen) == answer_in(elsewhere) == "new answer"
    assert seen[-1] == elsewhere[-1]
    assert all_events(three.c, f"{path}/events") == elsewhere
    assert "late" not in text_of(seen)


def test_a_statement_timeout_of_the_role_fails_nothing_that_is_quick(three: Three) -> None:
    name = psycopg.conninfo.conninfo_to_dict(three.cluster.url)["dbname"]
    three.upstream.script(lambda _body: Reply(text=WORDS, gap_s=0.02))
    with psycopg.connect(three.cluster.url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET statement_timeout = '2s'".encode())
        connection.execute(f"ALTER DATABASE {name} SET idle_session_timeout = '200ms'".encode())
        connection.execute(TERMINATE.encode())
    try:
        read = read_through([three.homes[1].url], path_of(start(three.a)))
    finally:
        with psycopg.connect(three.cluster.url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} RESET ALL".encode())
            connection.execute(TERMINATE.encode())

    check_order(read)
    assert answer_in(read) == ANSWER
