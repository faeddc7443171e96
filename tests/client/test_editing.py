"""The client's calls that edit a conversation, with asyncio and without, on a real server."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from seltzer.client import AsyncClient, Client, ServerError
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

    first, *older = await client.history("agent", thread)
    rest = await client.history("agent", thread, before=first.checkpoint_id, limit=100)

    assert [*rest] == older
    assert (rest[-1].source, rest[-1].parent_checkpoint_id) == ("input", None)
    assert texts(first.values)[0] == "one"


def test_the_sync_client_edits_too(talker: Served) -> None:
    client, thread = Client(talker.url), str(uuid.uuid4())
    list(client.stream("one", thread_id=thread))
    list(client.stream(None, thread_id=thread))
    first, *_ = client.history("agent", thread, limit=1)

    edited = client.start("two", thread_id=thread, from_message=first.values["messages"][0]["id"])
    list(client.follow("agent", edited.run_id))

    assert texts(client.thread("agent", thread).values)[0] == "two"
    assert texts(client.thread("agent", thread, checkpoint_id=first.checkpoint_id).values)[0] == "one"
    with pytest.raises(ServerError) as refused:
        client.thread("agent", thread, checkpoint_id="none")
    assert refused.value.code == "unknown_checkpoint"
