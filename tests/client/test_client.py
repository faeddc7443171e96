"""AsyncClient and Client on a real server: streams whatever is cut, runs in the background, threads."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from seltzer.client import (
    AsyncClient,
    Client,
    Done,
    Failure,
    Interrupted,
    Part,
    RunInfo,
    ServerError,
    ServerUnreachable,
    Started,
    Token,
)
from seltzer.client.http.connection import afollow_run, follow_run
from tests.client.cutting import cutting
from tests.client.rawserver import END, Answer, RawServer, answering, answering_each, chunk, head, header
from tests.client.test_answer import Waits, following
from tests.conftest import Serve
from tests.serving import Served

pytestmark = pytest.mark.anyio

ASKING = """
from langchain_core.messages import AIMessage
from langgraph.graph import MessagesState, StateGraph
from langgraph.types import interrupt

def ask(state: MessagesState):
    said = interrupt({"question": "Really?"})
    return {"messages": [AIMessage(f"You said {said}.")]}

graph = StateGraph(MessagesState).add_node(ask).set_entry_point("ask").compile()
"""


@pytest.fixture
def asking(serve: Serve) -> Served:
    """A server whose graph `agent` asks before it answers."""
    return serve({"agent": ASKING})


def without_ids(parts: list[Part]) -> list[Part]:
    """Return the parts without their ids, which differ from run to run."""
    return [part for part in parts if not isinstance(part, Started | Done)]


async def test_cut_anywhere_a_real_answer_is_the_same(talker: Served) -> None:
    uncut = without_ids([part async for part in AsyncClient(talker.url).stream("tool")])
    assert uncut

    for cut in range(0, 2500, 61):
        with cutting(talker.address, [cut, 400, cut // 2]) as proxy:
            waits = Waits()
            reader = following(proxy.url, query="tool")
            parts = [part async for part in afollow_run(reader, 10, clock=waits, sleep=waits.asleep)]
        assert without_ids(parts) == uncut, (cut, proxy.passed)
        assert len(proxy.passed) > 1 or proxy.passed[0] < cut


def test_cut_anywhere_a_real_answer_is_the_same_without_asyncio(talker: Served) -> None:
    uncut = without_ids(list(Client(talker.url).stream("hello")))

    for cut in range(0, 2000, 333):
        with cutting(talker.address, [cut, cut]) as proxy:
            waits = Waits()
            reader = following(proxy.url, query="hello")
            parts = list(follow_run(reader, 10, clock=waits, sleep=waits.sleep))
        assert without_ids(parts) == uncut, (cut, proxy.passed)


async def test_a_run_in_the_background_is_followed_later(talker: Served) -> None:
    client = AsyncClient(talker.url)

    begun = await client.start("hello", thread_id="background")
    parts = [part async for part in client.follow("agent", begun.run_id)]
    ended = await client.run("agent", begun.run_id)

    assert begun.thread_id == "background"
    assert parts[0] == Started(begun.run_id, "background")
    assert parts[-1] == Done(begun.run_id, "background")
    assert (ended.status, ended.output, ended.is_active) == ("success", "You said hello, number 1.", False)


def test_a_run_that_has_ended_is_followed_from_anywhere(talker: Served) -> None:
    client = Client(talker.url)
    run = client.start("hello")
    whole = list(client.follow("agent", run.run_id))
    last = client.run("agent", run.run_id)

    assert list(client.follow("agent", run.run_id)) == whole
    assert isinstance(last, RunInfo)
    assert list(client.follow("agent", run.run_id, after="1-1"))[-1] == Done(run.run_id, "")
    with pytest.raises(ServerError) as caught:
        list(client.follow("agent", run.run_id, after="1-999"))
    assert caught.value.code == "invalid_cursor"


def test_after_the_end_of_a_real_run_its_end_is_repeated(talker: Served) -> None:
    client = Client(talker.url)
    run = client.start("hello", thread_id="end")
    count = count_events(client, run)

    assert list(client.follow("agent", run.run_id, after=f"1-{count}")) == [Done(run.run_id, "end")]


def count_events(client: Client, run: RunInfo) -> int:
    """Find a finished run's last event: the first cursor after which there is only the end."""
    list(client.follow("agent", run.run_id))
    for seq in range(1, 100):
        try:
            list(client.follow("agent", run.run_id, after=f"1-{seq}"))
        except ServerError:
            return seq - 1
    raise AssertionError("the run has more events than a run of this graph")


async def test_closing_the_stream_doesnt_stop_a_run_and_cancelling_does(
    talker: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("TALKER_LOG", str(tmp_path / "mark"))
    client = AsyncClient(talker.url)
    parts = client.stream("forever")
    started = await anext(parts)
    assert isinstance(started, Started)
    assert await anext(parts) == Token("working")

    await parts.aclose()
    assert (await client.run("agent", started.run_id)).is_active

    await client.cancel("agent", started.run_id)
    with pytest.raises(ServerError) as caught:
        async for _ in client.follow("agent", started.run_id):
            pass
    assert caught.value.code == "run_cancelled"


async def test_a_question_of_the_graph_is_answered(asking: Served) -> None:
    client = AsyncClient(asking.url)
    *_, asked = [part async for part in client.stream("go", thread_id="t")]
    assert isinstance(asked, Interrupted)
    assert [each.value for each in asked.interrupts] == [{"question": "Really?"}]
    assert (await client.run("agent", asked.run_id)).interrupts == asked.interrupts
    assert (await client.thread("agent", "t")).interrupts == asked.interrupts

    parts = [part async for part in client.resume("agent", asked.run_id, "yes")]

    assert without_ids(parts) == [Token("You said yes.")]
    with pytest.raises(ServerError) as caught:
        await anext(client.resume("agent", asked.run_id, "no"))
    assert caught.value.code == "not_interrupted"


def test_an_answer_to_an_interrupt_that_was_cut_off_counts_once(asking: Served) -> None:
    client = Client(asking.url)
    *_, asked = client.stream("go", thread_id="t")
    assert isinstance(asked, Interrupted)

    with cutting(asking.address, [0, 100]) as proxy:
        parts = list(Client(proxy.url).resume("agent", asked.run_id, "yes"))

    assert without_ids(parts) == [Token("You said yes.")]


async def test_threads_are_listed_read_and_deleted(talker: Served) -> None:
    client, name = AsyncClient(talker.url), uuid.uuid4().hex
    for turn in range(3):
        async for _ in client.stream(f"{name} {turn}", thread_id=f"{name}{turn}"):
            pass

    first = await client.threads("agent", query=name, limit=2)
    rest = await client.threads("agent", query=name, limit=2, cursor=first.next_cursor)
    assert [each.thread_id for each in (*first.threads, *rest.threads)] == [f"{name}{n}" for n in (2, 1, 0)]
    assert rest.next_cursor is None

    state = await client.thread("agent", f"{name}0")
    assert (state.thread.status, state.thread.title, state.next) == ("idle", f"{name} 0", ())
    assert [message["type"] for message in state.values["messages"]] == ["human", "ai"]

    renamed = await client.rename_thread("agent", f"{name}0", f"Sümme of {name}")
    found = await client.threads("agent", query=f"sümme of {name}")
    assert (renamed.title, found.threads) == (f"Sümme of {name}", (renamed,))

    await client.delete_thread("agent", f"{name}0")
    with pytest.raises(ServerError) as caught:
        await client.thread("agent", f"{name}0")
    assert caught.value.code == "unknown_thread"


def test_the_sync_client_has_threads_too(talker: Served) -> None:
    client = Client(talker.url)
    *_, done = client.stream("hello")
    assert isinstance(done, Done)

    assert done.thread_id in [each.thread_id for each in client.threads("agent").threads]
    assert client.thread("agent", done.thread_id).thread.run_id == done.run_id
    assert client.cancel("agent", done.run_id).status == "success"
    assert client.rename_thread("agent", done.thread_id, "Hello").title == "Hello"
    client.delete_thread("agent", done.thread_id)
    with pytest.raises(ServerError):
        client.run("agent", done.run_id)


async def test_runs_are_listed_with_what_they_took(talker: Served) -> None:
    client, thread_id = AsyncClient(talker.url), uuid.uuid4().hex
    for turn in range(3):
        async for _ in client.stream(f"hello {turn}", thread_id=thread_id):
            pass

    first = await client.runs("agent", thread_id=thread_id, limit=2)
    rest = await client.runs(thread_id=thread_id, limit=2, cursor=first.next_cursor)
    each = [run async for run in client.iter_runs(thread_id=thread_id, status=["success", "error"], limit=1)]

    assert each == [*first.runs, *rest.runs]
    assert [run.thread_id for run in each] == [thread_id] * 3
    assert (each[0].status, each[0].attempt, each[0].error) == ("success", 1, None)
    assert (await client.runs(thread_id=thread_id, status=["error"])).runs == ()
    with pytest.raises(ServerError, match="status"):
        await client.runs(status=["done"])


def test_the_sync_client_lists_runs_too(talker: Served) -> None:
    client, thread_id = Client(talker.url), uuid.uuid4().hex
    for _ in range(2):
        *_, done = client.stream("hello", thread_id=thread_id)
    assert isinstance(done, Done)

    page = client.runs("agent", thread_id=thread_id)

    assert page.runs[0].run_id == done.run_id
    assert [*client.iter_runs(thread_id=thread_id, limit=1)] == [*page.runs]
    with pytest.raises(ServerError):
        client.runs("none")


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.run("agent", "r"),
        lambda client: client.runs("agent"),
        lambda client: client.start("q"),
        lambda client: client.threads("agent"),
        lambda client: client.thread("agent", "t"),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"threads": 1}'])
def test_a_server_that_isnt_seltzer_is_an_error(ask: Callable[[Client], Any], body: bytes) -> None:
    with answering(head(), chunk(body), END) as server, pytest.raises(ServerUnreachable, match="isn't"):
        ask(Client(server.url))


RUN = json.dumps(
    {
        "run_id": "r",
        "thread_id": "t",
        "graph": "agent",
        "status": "pending",
        "attempt": 0,
        "created_at": "",
        "output": None,
        "error": {"code": "c", "message": "m", "retryable": True},
        "interrupts": [],
    }
).encode()


WHOLE_RUN = [head("201 Created", "application/json"), chunk(RUN), END]
LATE_RUN: list[Answer] = [lambda request: [], lambda request: [head()], lambda request: WHOLE_RUN]


def is_started_once(run: RunInfo, server: RawServer) -> bool:
    assert (run.run_id, run.is_active) == ("r", True)
    assert run.error == Failure("c", "m", retryable=True, retry_after_s=None)
    keys = [header(request, "idempotency-key") for request in server.requests]
    return keys == keys[:1] * 3


async def test_a_run_is_started_once_though_the_connection_breaks() -> None:
    with answering_each(*LATE_RUN) as server:
        assert is_started_once(await AsyncClient(server.url).start("q"), server)


def test_a_run_is_started_once_without_asyncio_too() -> None:
    with answering_each(*LATE_RUN) as server:
        assert is_started_once(Client(server.url).start("q"), server)


def test_a_server_that_isnt_there_is_not_retried() -> None:
    with pytest.raises(ServerUnreachable):
        Client("http://127.0.0.1:9").start("q")


def test_patience_with_a_start_ends() -> None:
    with answering_each(lambda request: []) as server, pytest.raises(ServerUnreachable):
        Client(server.url, patience_s=0).start("q")
