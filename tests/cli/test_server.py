"""The server that opens engines, where it can't start."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from seltzer.cli.serve.server import Server
from seltzer.runs.engine import Engine
from seltzer.stores.open import open_stores
from tests.runs.scenario import read_until, run_spec
from tests.runs.scripted import agent, named

pytestmark = pytest.mark.anyio


def _engine(folder: Path) -> Engine:
    return Engine(named(agent(["some", asyncio.Event(), " more"])), partial(open_stores, folder))


async def test_a_start_that_fails_hands_back_the_runs_it_has_claimed(tmp_path: Path) -> None:
    killed = _engine(tmp_path / "killed")
    await killed.open()
    await killed.start(run_spec())
    await read_until(killed.follow("r"), "token")
    shutil.copytree(tmp_path / "killed", tmp_path / "left")  # as if its process were killed now
    engine = _engine(tmp_path / "left")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async for event in engine.follow("r"):
            if event.attempt == 2 and event.kind == "token":
                raise OSError("the app's own database isn't there")
        yield

    config = uvicorn.Config(FastAPI(lifespan=lifespan), lifespan="on", log_config=None)
    with suppress(SystemExit):  # uvicorn's way to say that it couldn't start
        await Server(config, lambda: [engine]).serve(sockets=[])

    async with open_stores(tmp_path / "left") as stores:
        run = await stores.runs.get("r")
    assert run is not None
    assert (run.status, run.attempt, run.last) == ("pending", 2, None)
    await killed.aclose()


async def test_an_engine_is_closed_if_another_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = _engine(tmp_path / "in use")
    await other.open()
    engines = [_engine(tmp_path / "free"), _engine(tmp_path / "in use")]

    await Server(uvicorn.Config(FastAPI(), log_config=None), lambda: engines).serve(sockets=[])

    assert "is in use" in capsys.readouterr().err
    assert not engines[0].is_open
    await other.aclose()
