"""A streamed request goes straight to the transport; what comes of it is what AsyncClient makes of it."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby
from typing import Any

import httpx2
import pytest
from openai import DefaultAsyncHttpxClient

from seltzer.models.openai.accelerated.transport import ModelHttpClient
from tests.models.openai.wire import answering, take

pytestmark = pytest.mark.anyio

ANSWERS = {
    b"/plain": b"200 OK\r\ncontent-length: 2\r\n\r\nhi",
    b"/kept": b"200 OK\r\nSet-Cookie: a=1\r\ncontent-length: 2\r\n\r\nhi",
    b"/away": b"307 Temporary Redirect\r\nlocation: /plain\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n",
    b"/lost": b"307 Temporary Redirect\r\ncontent-length: 4\r\n\r\nlost",
    b"/none": b"404 Not Found\r\ncontent-length: 4\r\n\r\nnone",
    b"/full": b"503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 4\r\n\r\nfull",
    b"/torn": b"200 OK\r\ncontent-length: 9\r\n\r\nhi",
}


class LongWay(ModelHttpClient):
    """The client that sends as AsyncClient does."""

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        return await DefaultAsyncHttpxClient.send(self, request, stream=stream, **options)


@asynccontextmanager
async def served() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve ANSWERS; yield the URL, and the heads of the requests that come."""
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await take(reader))
            path = heads[-1].split(b" ")[1]
            writer.write(b"HTTP/1.1 " + ANSWERS[path])
            if path == b"/torn":
                return

    async with answering(answer) as url:
        yield url, heads


@asynccontextmanager
async def made(
    kind: type[ModelHttpClient] = ModelHttpClient, **options: Any
) -> AsyncIterator[ModelHttpClient]:
    """Make a client; in a thread, as making one reads files."""
    client = await asyncio.to_thread(lambda: kind(timeout=httpx2.Timeout(5), **options))
    try:
        yield client
    finally:
        await client.aclose()


async def send(client: ModelHttpClient, url: str) -> httpx2.Response:
    return await client.send(client.build_request("POST", url, json={"q": 1}), stream=True)


def is_straight(response: httpx2.Response) -> bool:
    """Say which way an answer came that has been read: AsyncClient's tells how long it took."""
    try:
        _ = response.elapsed
    except RuntimeError:
        return True
    return False


async def outcome(kind: type[ModelHttpClient], paths: list[str]) -> tuple[list[Any], list[bytes]]:
    """Send requests one after the other; return what there is to see of their answers, and which arrived."""
    seen: list[Any] = []
    async with served() as (url, heads), made(kind) as client:
        for path in paths:
            response = await send(client, url + path)
            body: Any
            try:
                body = await response.aread()
            except httpx2.RemoteProtocolError as error:
                body = str(error)
            headers, coding = dict(response.headers), response.default_encoding
            seen.append(
                (response.status_code, response.url.path, headers, body, coding, dict(client.cookies))
            )
            await response.aclose()
        return seen, [head.partition(b"\r\n")[0] for head in heads]


@pytest.mark.parametrize("first", sorted(ANSWERS))
async def test_an_answer_is_the_one_of_the_long_way(first: bytes) -> None:
    paths = [first.decode(), "/plain", first.decode()]

    straight, arrived = await outcome(ModelHttpClient, paths)
    long, expected = await outcome(LongWay, paths)

    assert straight == long
    if first == b"/away":  # it is asked for twice
        arrived, expected = ([line for line, _ in groupby(lines)] for lines in (arrived, expected))
    assert arrived == expected


async def test_it_is_sent_straight_and_brings_the_cookies_that_came() -> None:
    heads = []
    for kind in (ModelHttpClient, LongWay):
        async with served() as (url, seen), made(kind) as client:
            for path in ("/kept", "/plain"):
                response = await send(client, url + path)
                await response.aread()
                assert is_straight(response) is (kind is ModelHttpClient)
            heads.append([head.replace(url.removeprefix("http://").encode(), b"here") for head in seen])

    assert heads[0] == heads[1]
    assert b"cookie: a=1\r\n" in heads[0][1].lower()


async def test_a_request_that_is_sent_on_arrives_at_the_other_place() -> None:
    async with served() as (url, heads), made() as client:
        response = await send(client, url + "/away")
        assert await response.aread() == b"hi"

    assert heads[-1].startswith(b"POST /plain ")
    assert b"cookie: b=2\r\n" in heads[-1].lower()


async def test_who_looks_at_requests_and_answers_sees_each() -> None:
    seen: list[Any] = []

    async def look(message: Any) -> None:
        seen.append(type(message))

    hooks = {"request": [look], "response": [look]}
    async with served() as (url, _), made(event_hooks=hooks) as client:
        await (await send(client, url + "/plain")).aread()

    assert seen == [httpx2.Request, httpx2.Response]


@pytest.mark.parametrize("way", ["client", "url"])
async def test_a_name_and_password_are_sent(way: str) -> None:
    auth = ("me", "pw") if way == "client" else None
    async with served() as (url, heads), made(auth=auth) as client:
        place = url.replace("://", "://me:pw@") if way == "url" else url
        await (await send(client, place + "/plain")).aread()

    assert b"\r\nauthorization: basic " + base64.b64encode(b"me:pw").lower() in heads[0].lower()


async def test_who_logs_requests_has_a_line_for_each(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as (url, _), made() as client:
        with caplog.at_level(logging.INFO, "httpx2"):
            await (await send(client, url + "/plain")).aread()

    assert "/plain" in caplog.text


async def test_a_request_without_a_limit_has_the_clients() -> None:
    async def be_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with answering(be_silent) as url, made() as client:
        client.timeout = httpx2.Timeout(0.1)
        with pytest.raises(httpx2.ReadTimeout):
            await client.send(httpx2.Request("POST", url), stream=True)


async def test_a_failure_names_its_request() -> None:
    async with made() as client:
        request = client.build_request("POST", "http://127.0.0.1:1/")
        with pytest.raises(httpx2.ConnectError) as caught:
            await client.send(request, stream=True)

    assert caught.value.request is request


async def test_a_closed_client_sends_nothing() -> None:
    async with served() as (url, heads), made() as client:
        await client.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await send(client, url + "/plain")

    assert not heads
