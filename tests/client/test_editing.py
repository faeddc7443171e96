"""The client's calls that edit a conversation, with asyncio and without, on a real server."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from seltzer.client import AsyncClient, Client, Interrupted, ServerError, TurnPage
from tests.client.cutting import cutting
from tests.serving import Served

pytestmark = pytest.mark.anyio


def texts(values: Any) -> list[str]:
    return [each["content"] for each in values["messages"]]


async def test_a_question_is_answered_again_or_asked_otherwise(talker: Served) -> None:
    client, thread = AsyncClient(talker.url), str(uuid.uuid4())
    for question in ("one", "two"):
        _ = [part async for part in client.stream(question, thread_id=thread)]
    before = await client.thread("agent", thread)
    assert before.checkpoint_id is not None

    again = [part async for part in client.stream(None, thread_id=thread)]
    after = await client.thread("agent", thread)

    assert texts(after.values) == texts(before.values)
    assert after.checkpoint_id != before.checkpoint_id
    assert after.thread.run_id == again[0].run_id  # type: ignore[union-attr]  # Started
    first = before.values["messages"][0]["id"]
    _ = [part async for part in client.stream("three", thread_id=thread, from_message=first)]
    assert texts((await client.thread("agent", thread)).values)[0] == "three"
    earlier = await client.thread("agent", thread, checkpoint_id=before.checkpoint_id)
    assert (earlier.values, earlier.checkpoint_id) == (before.values, before.checkpoint_id)


async def test_history_is_read_page_by_page(talker: Served) -> None:
    client, thread = AsyncClient(talker.url), str(uuid.uuid4())
    _ = [part async for part in client.stream("one", thread_id=thread)]

    [branch] = await client.branches("agent", thread, limit=5)
    first, *older = await client.history("agent", thread)
    rest = await client.history("agent", thread, before=first.checkpoint_id, limit=100)

    assert [*rest] == older
    assert (rest[-1].source, rest[-1].parent_checkpoint_id) == ("input", None)
    assert texts(first.values)[0] == "one"
    assert (branch.checkpoint_id, branch.forked_from) == (first.checkpoint_id, None)


async def test_turns_are_read_page_by_page_with_the_runs_that_wrote_them(talker: Served) -> None:
    client, thread = AsyncClient(talker.url), str(uuid.uuid4())
    runs = []
    for question in ("one", "two", "three"):
        parts = [part async for part in client.stream(question, thread_id=thread)]
        runs.append(parts[0].run_id)  # type: ignore[union-attr]  # Started
    asked = [each["id"] for each in (await client.thread("agent", thread)).values["messages"][::2]]

    page = await client.turns("agent", thread, limit=2)
    rest = await client.turns("agent", thread, before=page.next_before)
    each = [turn async for turn in client.iter_turns("agent", thread, limit=1)]

    assert [[run.run_id for run in turn.runs] for turn in page.turns] == [[runs[2]], [runs[1]]]
    assert (*page.turns, *rest.turns) == tuple(each)
    assert [turn.message_ids for turn in each] == [(message_id,) for message_id in reversed(asked)]
    assert (rest.next_before, each[0].input, each[0].is_edited) == (None, None, False)
    with pytest.raises(ServerError) as refused:
        await client.turns("agent", thread, before="none")
    assert refused.value.code == "unknown_checkpoint"


def test_the_sync_client_edits_too(talker: Served) -> None:
    client, thread = Client(talker.url), str(uuid.uuid4())
    list(client.stream("one", thread_id=thread))
    list(client.stream(None, thread_id=thread))
    first, *_ = client.history("agent", thread, limit=1)

    [turn] = client.iter_turns("agent", thread)
    assert client.turns("agent", thread, limit=1) == TurnPage((turn,), None)
    newest, older = client.branches("agent", thread)
    assert (newest.checkpoint_id, newest.forked_from) == (first.checkpoint_id, older.forked_from)
    edited = client.start("two", thread_id=thread, from_message=first.values["messages"][0]["id"])
    list(client.follow("agent", edited.run_id))

    assert texts(client.thread("agent", thread).values)[0] == "two"
    assert texts(client.thread("agent", thread, checkpoint_id=first.checkpoint_id).values)[0] == "one"
    with pytest.raises(ServerError) as refused:
        client.thread("agent", thread, checkpoint_id="none")
    assert refused.value.code == "unknown_checkpoint"


async def test_a_state_is_updated_and_goes_back(talker: Served) -> None:
    client, thread = AsyncClient(talker.url), str(uuid.uuid4())
    _ = [part async for part in client.stream("one", thread_id=thread)]
    before = await client.thread("agent", thread)
    first = before.values["messages"][0]["id"]

    removed = await client.update_state("agent", thread, {"messages": [{"type": "remove", "id": first}]})
    back = await client.update_state(
        "agent", thread, None, as_node="__copy__", checkpoint_id=before.checkpoint_id
    )

    assert texts(removed.values) == texts(before.values)[1:]
    assert back.values == before.values == (await client.thread("agent", thread)).values
    with pytest.raises(ServerError) as refused:
        await client.update_state("agent", thread, {"messages": ["x"]}, as_node="nobody")
    assert (refused.value.status, refused.value.code) == (422, "invalid_input")


async def test_a_question_is_withdrawn(talker: Served) -> None:
    client, thread = AsyncClient(talker.url), str(uuid.uuid4())
    asked = [part async for part in client.stream("ask", thread_id=thread)][-1]
    assert isinstance(asked, Interrupted)

    withdrawn = await client.withdraw("agent", asked.run_id)

    assert (withdrawn.status, withdrawn.thread_id) == ("cancelled", thread)
    assert (await client.thread("agent", thread)).thread.status == "idle"


def test_the_sync_client_updates_and_withdraws_too(talker: Served) -> None:
    client, thread = Client(talker.url), str(uuid.uuid4())
    asked = list(client.stream("ask", thread_id=thread))[-1]
    assert isinstance(asked, Interrupted)

    assert client.withdraw("agent", asked.run_id).status == "cancelled"

    updated = client.update_state("agent", thread, {"messages": [["assistant", "by hand"]]})
    assert texts(updated.values)[-1] == "by hand"


async def test_an_edit_is_made_once_though_the_connection_breaks(talker: Served) -> None:
    thread = str(uuid.uuid4())
    mine = {"messages": [["assistant", "mine"]]}
    asked = [part async for part in AsyncClient(talker.url).stream("ask", thread_id=thread)][-1]
    assert isinstance(asked, Interrupted)

    with cutting(talker.address, [0, 100]) as proxy:
        withdrawn = await AsyncClient(proxy.url).withdraw("agent", asked.run_id)
    with cutting(talker.address, [0, 100]) as proxy:
        updated = await AsyncClient(proxy.url).update_state("agent", thread, mine)

    assert withdrawn.status == "cancelled"
    assert texts(updated.values).count("mine") == 1


def test_the_sync_client_makes_an_edit_once_too(talker: Served) -> None:
    thread = str(uuid.uuid4())
    mine = {"messages": [["assistant", "mine"]]}
    list(Client(talker.url).stream("one", thread_id=thread))

    with cutting(talker.address, [0, 100]) as proxy:
        updated = Client(proxy.url).update_state("agent", thread, mine)

    assert texts(updated.values).count("mine") == 1


async def test_what_a_thread_takes_is_read(talker: Served) -> None:
    client, thread = AsyncClient(talker.url), str(uuid.uuid4())
    _ = [part async for part in client.stream("one", thread_id=thread)]

    taken = await client.storage("agent", thread)

    assert (taken.thread_id, taken.runs) == (thread, 1)
    assert taken.checkpoints > 0
    parts = (taken.states_bytes, taken.messages_bytes, taken.runs_bytes, taken.events_bytes)
    assert min(taken.states_bytes, taken.events_bytes) > 0
    assert taken.total_bytes == sum(parts)


def test_the_sync_client_reads_what_a_thread_takes_too(talker: Served) -> None:
    client, thread = Client(talker.url), str(uuid.uuid4())
    list(client.stream("one", thread_id=thread))

    assert client.storage("agent", thread).runs == 1
    with pytest.raises(ServerError) as refused:
        client.storage("agent", str(uuid.uuid4()))
    assert refused.value.code == "unknown_thread"
