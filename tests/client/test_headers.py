"""Headers that a server's app asks for, such as a key."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

import anyio
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException

from seltzer import Seltzer
from seltzer.client import (
    AsyncClient,
    Client,
    ServerError,
    ServerUnreachable,
    Token,
    astream_chat,
    get_stream,
    served_graphs,
    stream_chat,
)
from tests.embedding.graphs import saying
from tests.serving import Served, serving

KEY = {"x-key": "right"}


async def check_key(x_key: str = Header("")) -> None:
    if x_key != "right":
        raise HTTPException(401, "the app's own refusal")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An app of which every route but the probes asks for a key."""
    app, seltzer = FastAPI(), Seltzer({"agent": saying("hello")}, data=tmp_path_factory.mktemp("data"))
    seltzer.mount(app, dependencies=[Depends(check_key)])
    with serving(app) as served:
        yield served


def test_a_client_sends_them_with_every_request(guarded: Served) -> None:
    client = Client(guarded.url, headers=KEY)

    run = client.start("hi", thread_id="ada")
    answer = [part.text for part in client.follow("agent", run.run_id) if isinstance(part, Token)]

    assert answer == ["hello"]
    assert client.run("agent", run.run_id).status == "success"
    assert client.threads("agent").threads
    client.delete_thread("agent", "ada")
    assert "".join(stream_chat("hi", guarded.url, headers=KEY)) == "hello"
    with pytest.raises(ServerError) as refused:
        list(Client(guarded.url).stream("hi"))
    assert refused.value.status == 401


@pytest.mark.anyio
async def test_so_does_its_twin(guarded: Served) -> None:
    client, out = AsyncClient(guarded.url, headers=KEY), io.StringIO()

    async def words(pieces: AsyncIterator[str]) -> str:
        return "".join([piece async for piece in pieces])

    with anyio.fail_after(30):
        run = await client.start("hi", thread_id="bob")
        answer = [part async for part in client.follow("agent", run.run_id)]
        state = await client.thread("agent", "bob")
        printed = await get_stream("hi", guarded.url, out=out, headers=KEY)
        graphs = await served_graphs(guarded.url, headers=KEY)
        chat = await words(astream_chat("hi", guarded.url, headers=KEY))

    assert [part.text for part in answer if isinstance(part, Token)] == ["hello"]
    assert state.thread.thread_id == "bob"
    assert printed == chat == "hello"
    assert [graph.name for graph in graphs] == ["agent"]


@pytest.mark.anyio
async def test_a_server_that_asks_for_them_is_not_taken_for_another_program(guarded: Served) -> None:
    with pytest.raises(ServerUnreachable, match="401: a header with the right key is missing"):
        await served_graphs(guarded.url)
