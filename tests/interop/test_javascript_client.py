"""@seltzer/client in Node: connections are cut, and servers killed and started again."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.processes import at_home, upstream_environment
from tests.interop.relay import relaying
from tests.javascript import compile_client
from tests.patience import PATIENCE_S
from tests.replies import Reply
from tests.serving import Served, write_graphs
from tests.upstream import Upstream

QUESTION = "what is the square root of 71?"
ANSWER = "One, two, three, four, five, six, and seven."
Line = dict[str, Any]


@pytest.fixture(scope="session")
def client_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """@seltzer/client as it is published: compiled to JavaScript."""
    return compile_client(tmp_path_factory.mktemp("client"))


@contextmanager
def running(module: Path, url: str, call: str, *arguments: Any, **asked: Any) -> Iterator[Iterator[Line]]:
    """Run the client, and have the lines it prints, as it prints them."""
    script = Path(__file__).parent / "js" / "client.mjs"
    command = ["node", str(script), str(module)]
    given = {"url": url, "call": call, "arguments": arguments, **asked}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(given))
        process.stdin.close()
        try:
            yield map(json.loads, process.stdout)
        finally:
            process.kill()


def run_client(module: Path, url: str, call: str, *arguments: Any, **asked: Any) -> list[Line]:
    with running(module, url, call, *arguments, **asked) as lines:
        return list(lines)


def events_in(lines: Sequence[Line]) -> list[Line]:
    return [each["event"] for each in lines if "event" in each]


def text_in(events: Sequence[Line]) -> str:
    """Return the answer's text, of the newest attempt."""
    tokens = (each for each in events if each["kind"] == "token" and each["data"]["channel"] == "answer")
    return "".join(each["data"]["text"] for each in tokens if each["attempt"] == events[-1]["attempt"])


def look(url: str, events: Sequence[Line]) -> Line:
    path = f"/agent/runs/{events[0]['data']['run_id']}"
    found: Line = httpx.get(url + path, timeout=PATIENCE_S).json()
    return found


def test_a_stream_whose_connections_are_cut_has_each_event_once_and_is_one_run(
    client_module: Path, paced_server: Served, thread_id: str
) -> None:
    start = {"input": QUESTION, "thread_id": thread_id}

    with relaying(paced_server.address, cuts=(10, 700, 1_100)) as relay:
        lines = run_client(client_module, relay.url, "stream", "agent", start)

    events = events_in(lines)
    assert [each["id"] for each in events] == [f"1-{n}" for n in range(1, len(events) + 1)]
    assert events[-1]["kind"] == "finished"
    assert text_in(events) == look(paced_server.url, events)["output"]
    assert sum("lost" in each for each in lines) == sum("restored" in each for each in lines) == 3
    path = f"{paced_server.url}/agent/threads/{thread_id}/history?limit=100&select=source"
    sources = [each["source"] for each in httpx.get(path, timeout=PATIENCE_S).json()["checkpoints"]]
    assert sources.count("input") == 1


def test_a_server_that_is_killed_and_one_that_is_stopped_in_mid_answer_finish_it_when_started_again(
    client_module: Path, tmp_path: Path
) -> None:
    silent, answers = Reply(text=ANSWER, breaks="silence", after=3), threading.Event()
    with Upstream() as upstream:
        upstream.script(lambda body: Reply(text=ANSWER) if answers.is_set() else silent)
        config = write_graphs(tmp_path / "project", {"llm": f"{ROOT / 'graphs' / 'llm.py'}:graph"})
        environment = upstream_environment(upstream) | {"SELTZER_DRAIN_S": "0"}
        with at_home(config, tmp_path / "home", **environment) as home:
            server = home.start()
            with running(client_module, home.url, "stream", "llm", {"input": "hi"}) as lines:
                read: list[Line] = []
                for attempt, end in enumerate((signal.SIGKILL, signal.SIGTERM), 1):
                    read += _until(lines, "token", attempt)
                    server.signal(end)
                    server.wait()
                    if attempt == 2:
                        answers.set()
                    server = home.start()
                read += list(lines)

    events = events_in(read)
    assert [each["kind"] for each in events[-1:]] == ["finished"], read[-3:]
    assert text_in(events) == ANSWER
    assert {each["attempt"] for each in events} == {1, 2, 3}
    for attempt in (1, 2, 3):
        seqs = [each["seq"] for each in events if each["attempt"] == attempt]
        assert seqs == [*range(1, len(seqs) + 1)]
    assert sum("lost" in each for each in read) == sum("restored" in each for each in read) == 2


def _until(lines: Iterator[Line], kind: str, attempt: int = 1) -> list[Line]:
    """Return the lines up to the first event of that kind and attempt."""
    found: list[Line] = []
    for line in lines:
        found.append(line)
        event = line.get("event", {})
        if (event.get("kind"), event.get("attempt")) == (kind, attempt):
            return found
    raise AssertionError(f"no {kind} of attempt {attempt} in {found}")


def test_a_run_is_started_followed_from_a_cursor_and_cancelled(
    client_module: Path, upstream_env: Upstream, server: Served
) -> None:
    upstream_env.script([Reply(text=ANSWER, breaks="silence", after=3)])
    (started, _) = run_client(client_module, server.url, "start", "llm", {"input": "hi"})
    run_id = started["result"]["run_id"]
    with running(client_module, server.url, "follow", "llm", run_id) as lines:
        whole = events_in(_until(lines, "token"))

        (cancelled, _) = run_client(client_module, server.url, "cancel", "llm", run_id)

        whole += events_in(list(lines))
    asked = {"options": {"after": whole[0]["id"]}}
    rest = events_in(run_client(client_module, server.url, "follow", "llm", run_id, **asked))
    asked = {"options": {"after": whole[-1]["id"]}}
    (ended,) = run_client(client_module, server.url, "follow", "llm", run_id, **asked)
    assert cancelled["result"]["run_id"] == run_id
    assert whole[-1]["kind"] == "cancelled"
    assert rest == whole[1:]
    assert ended == {"over": True}


def test_an_interrupt_is_answered(client_module: Path, server: Served) -> None:
    question = "send an email to ada@example.org: hello"
    asked = events_in(run_client(client_module, server.url, "stream", "approval", {"input": question}))
    run_id = asked[0]["data"]["run_id"]

    answered = run_client(client_module, server.url, "answer", "approval", run_id, {"resume": "yes"})

    assert asked[-1]["kind"] == "interrupted"
    assert asked[-1]["data"]["interrupts"]
    assert events_in(answered)[-1]["kind"] == "finished"


def test_an_abort_ends_the_stream_and_not_the_run(client_module: Path, paced_server: Served) -> None:
    start = {"input": QUESTION}

    lines = run_client(client_module, paced_server.url, "stream", "agent", start, abort_after="started")

    events = events_in(lines)
    run_id = events[0]["data"]["run_id"]
    assert [each["kind"] for each in events] == ["started"]
    assert lines[-1]["error"]["name"] == "AbortError"
    followed = events_in(run_client(client_module, paced_server.url, "follow", "agent", run_id))
    assert followed[-1]["kind"] == "finished"


@pytest.mark.parametrize(
    ("call", "arguments", "code", "status"),
    [
        ("stream", ["agent", {"input": 7}], "invalid_input", 422),
        ("start", ["agent", {"inputs": "hi"}], "invalid_input", 422),
        ("follow", ["agent", uuid.uuid4().hex], "unknown_run", 404),
        ("run", ["agent", uuid.uuid4().hex], "unknown_run", 404),
        ("cancel", ["nobody", uuid.uuid4().hex], "unknown_graph", 404),
        ("answer", ["agent", uuid.uuid4().hex, {"resume": "yes"}], "unknown_run", 404),
    ],
)
def test_a_refusal_has_the_servers_code(
    client_module: Path, server: Served, call: str, arguments: list[Any], code: str, status: int
) -> None:
    (line,) = run_client(client_module, server.url, call, *arguments)

    assert (line["error"]["code"], line["error"]["status"]) == (code, status)


@pytest.mark.parametrize("call", ["stream", "start"])
def test_a_server_that_isnt_there_is_given_up_when_patience_is_exhausted(
    client_module: Path, call: str
) -> None:
    lines = run_client(client_module, "http://127.0.0.1:9", call, "agent", {"input": "hi"}, patience_ms=50)

    assert lines[-1]["error"]["code"] == "server_unreachable"
