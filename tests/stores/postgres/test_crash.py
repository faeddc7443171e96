"""What the database has accepted is there after it crashed."""

import asyncio
from typing import Any

import psycopg
import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint

from seltzer.cursor import START
from seltzer.runs.event import Event
from seltzer.runs.run import RunSpec
from seltzer.stores.options import DatabaseOptions, Retention
from seltzer.stores.postgres.store import open_postgres
from tests.patience import PATIENCE_S
from tests.stores.conversing import echo
from tests.stores.postgres.server import TestServer

pytestmark = pytest.mark.anyio

WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"


@pytest.fixture
async def lazy_server(own_server: TestServer) -> TestServer:
    """A server that writes nothing to its disk by chance, before somebody waits for that."""
    async with await psycopg.AsyncConnection.connect(own_server.url(), autocommit=True) as connection:
        await connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        await connection.execute("SELECT pg_reload_conf()")
    return own_server


async def test_a_log_has_no_hole_after_a_crash_of_the_database(lazy_server: TestServer) -> None:
    """The attempt goes on: what it had appended before must be there, as what it appends later will be."""
    events = [Event(1, seq, "custom", {"n": seq}) for seq in range(1, 31)]
    options = DatabaseOptions(lazy_server.url())
    async with open_postgres(options, Retention()) as stores:
        await stores.runs.submit(RunSpec("agent", None, "t", "r"), "w", 10 * PATIENCE_S, 100)

        for event in events[:20]:
            assert await stores.event_log.append({"r": [event]}) == set()
        await asyncio.to_thread(lazy_server.restart, "immediate")
        for event in events[20:]:
            assert await stores.event_log.append({"r": [event]}) == set()

        assert (await stores.event_log.read({"r": START}))["r"] == events


async def test_a_state_keeps_its_messages_though_the_crash_came_between_them_and_it(
    lazy_server: TestServer,
) -> None:
    """They are written before it, and not waited for: a crash may lose them, and their numbers."""
    url = lazy_server.url()
    talk: list[AnyMessage] = [HumanMessage(f"{number}" * 2_000) for number in range(4)]
    async with open_postgres(DatabaseOptions(url), Retention()) as stores:
        saver = stores.checkpoints.saver_for(echo())
        config = await put(saver, {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, talk[:1])
        blocking = await psycopg.AsyncConnection.connect(url)
        await blocking.execute("LOCK TABLE seltzer.checkpoints IN EXCLUSIVE MODE")
        writing = asyncio.create_task(put(saver, config, talk[:3]))
        async with asyncio.timeout(PATIENCE_S):
            while not await asyncio.to_thread(ask, url, WAITING):
                pass
        await asyncio.to_thread(lazy_server.restart, "immediate")
        await blocking.close()

        await put(saver, await writing, [talk[0], talk[3]])

        thread: RunnableConfig = {"configurable": {"thread_id": "t"}}
        found = [each.checkpoint["channel_values"]["messages"] async for each in saver.alist(thread)]
        assert found == [[talk[0], talk[3]], talk[:3], talk[:1]]


async def put(
    saver: BaseCheckpointSaver[Any], config: RunnableConfig, messages: list[AnyMessage]
) -> RunnableConfig:
    """Store a state that has these messages, and return its config."""
    state = empty_checkpoint() | {"channel_values": {"messages": messages}}
    return await saver.aput(config, state, {"source": "update", "step": 0, "parents": {}}, {})


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()
