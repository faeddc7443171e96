"""The turns of a thread, over every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from langchain_core.messages import HumanMessage

from seltzer.runs.edits.updates import COPY, StateUpdate
from seltzer.runs.engine import Engine
from seltzer.runs.ports import Stores
from seltzer.runs.run import RunSpec
from tests.runs.scenario import run_to_end
from tests.runs.scripted import agent, named
from tests.stores.opened import Opened

pytestmark = pytest.mark.anyio


async def test_turns_have_their_inputs_and_runs(opened: Opened) -> None:
    """A question, one that is answered again, and the first answer to it, gone back to."""

    @asynccontextmanager
    async def stores() -> AsyncIterator[Stores]:
        yield Stores(opened.runs, opened.event_log, opened.threads, opened.checkpoints)

    engine = Engine(named(agent(["one"], ["two"], ["three"])), stores)
    await engine.open()
    try:
        for run_id in ("a", "b"):
            message = HumanMessage("hi", id=f"of {run_id}")
            await run_to_end(engine, RunSpec("agent", {"messages": [message], "mood": "calm"}, "t", run_id))
        before = (await engine.threads.state("agent", "t")).checkpoint_id
        await run_to_end(engine, RunSpec("agent", None, "t", "c", from_message=""))
        replaced = (await engine.threads.turns("agent", "t", limit=5, limit_bytes=1_000)).turns
        await engine.edits.update("agent", "t", StateUpdate(None, COPY, before))

        back = (await engine.threads.turns("agent", "t", limit=1, limit_bytes=1_000)).turns
    finally:
        await engine.aclose()

    assert [
        (each.input.message_ids, each.input.rest, [run.run_id for run in each.runs])
        for each in (*replaced, *back)
    ] == [
        (["of b"], {"mood": "calm"}, ["c"]),
        (["of a"], {"mood": "calm"}, ["a"]),
        (["of b"], {"mood": "calm"}, ["b"]),
    ]
