"""POST /chat, read as it arrives; and get_stream, which prints."""

from __future__ import annotations

import io
import json
import socket

import anyio
import pytest

from seltzer.client import (
    AnswerCutOff,
    ServerError,
    ServerUnreachable,
    astream_chat,
    get_stream,
    stream_chat,
)
from tests.client.rawserver import END, answering, chunk, head
from tests.serving import Served

pytestmark = pytest.mark.anyio

PROBLEM = {"title": "Too many requests", "detail": "wait a little", "code": "rate_limited", "status": 429}


async def test_get_stream_prints_the_tokens_and_returns_the_text(
    talker: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await get_stream("hi there!", talker.url)

    assert answer == "You said hi there!, number 1."
    assert capsys.readouterr().out == answer + "\n"


async def test_the_thread_remembers(talker: Served) -> None:
    await get_stream("one", talker.url, thread_id="t", out=io.StringIO())

    assert await get_stream("two", talker.url, thread_id="t", out=io.StringIO()) == "You said two, number 2."


async def test_the_answer_arrives_in_pieces(talker: Served) -> None:
    tokens = [token async for token in astream_chat("hello", talker.url)]

    assert "".join(tokens) == "You said hello, number 1."


def test_the_sync_client_reads_the_same(talker: Served) -> None:
    assert "".join(stream_chat("hello", talker.url)) == "You said hello, number 1."


async def test_a_token_is_yielded_before_the_next_one_is_sent() -> None:
    with answering(head(), chunk(b"first"), stays=True) as server, anyio.fail_after(5):
        tokens = astream_chat("q", server.url)

        assert await anext(tokens) == "first"

        await tokens.aclose()
        await anyio.to_thread.run_sync(server.client_left.wait, 5)
        assert server.client_left.is_set()


async def test_a_character_cut_in_two_is_put_together() -> None:
    soda = "🤙é".encode()
    with answering(head(), *(chunk(bytes([byte])) for byte in soda), END) as server:
        tokens = [token async for token in astream_chat("q", server.url)]

    assert tokens == ["🤙", "é"]


def test_the_sync_client_joins_cut_characters_too() -> None:
    with answering(head(), chunk(b"\xf0\x9f"), chunk(b"\xa4\x99"), END) as server:
        assert list(stream_chat("q", server.url)) == ["🤙"]


def test_half_a_character_at_the_end_is_replaced() -> None:
    with answering(head(), chunk(b"a\xf0\x9f"), END) as server:
        assert "".join(stream_chat("q", server.url)) == "a�"


async def test_half_a_character_at_the_end_is_replaced_in_the_async_client() -> None:
    with answering(head(), chunk(b"a\xf0\x9f"), END) as server:
        assert [token async for token in astream_chat("q", server.url)] == ["a", "�"]


async def test_the_question_and_the_thread_are_sent_as_json() -> None:
    with answering(head(), END) as server:
        assert [token async for token in astream_chat("¿qué?", server.url + "/", thread_id="t-1")] == []

    request_head, _, body = server.request.partition(b"\r\n\r\n")
    assert request_head.startswith(b"POST /chat HTTP/1.1\r\n")
    assert json.loads(body) == {"text": "¿qué?", "thread_id": "t-1"}


async def test_a_body_that_breaks_off_is_an_error_with_the_text_so_far() -> None:
    with answering(head(), chunk(b"half an ")) as server, pytest.raises(AnswerCutOff) as caught:
        async for _ in astream_chat("q", server.url):
            pass

    assert caught.value.text == "half an "


def test_the_sync_client_raises_for_a_cut_off_answer_too() -> None:
    with (
        answering(head(), chunk(b"half an ")) as server,
        pytest.raises(AnswerCutOff, match="after 8 characters"),
    ):
        list(stream_chat("q", server.url))


async def test_silence_cuts_an_answer_off() -> None:
    with answering(head(), chunk(b"and then "), stays=True) as server, pytest.raises(AnswerCutOff) as caught:
        async for _ in astream_chat("q", server.url, silence_s=0.05):
            pass

    assert caught.value.reason == "ReadTimeout"


async def test_a_problem_is_read_into_the_error() -> None:
    refusal = (
        head("429 Too Many Requests", "application/problem+json"),
        chunk(json.dumps(PROBLEM).encode()),
        END,
    )
    with answering(*refusal) as server, pytest.raises(ServerError) as caught:
        await anext(astream_chat("q", server.url))

    assert (caught.value.code, caught.value.status, caught.value.detail) == (
        "rate_limited",
        429,
        "wait a little",
    )


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"detail": [1]}', b""])
def test_a_refusal_that_isnt_a_problem_is_an_error_all_the_same(body: bytes) -> None:
    pieces = [chunk(body), END] if body else [END]
    with (
        answering(head("502 Bad Gateway", "text/html"), *pieces) as server,
        pytest.raises(ServerError) as caught,
    ):
        list(stream_chat("q", server.url))

    assert (caught.value.code, caught.value.status, caught.value.detail) == ("http_502", 502, "Bad Gateway")


async def test_the_servers_own_refusal_has_its_code(talker: Served) -> None:
    with pytest.raises(ServerError) as caught:
        await get_stream("q", talker.url, thread_id="no/slashes")

    assert caught.value.status == 422
    assert "thread_id" in caught.value.detail


def free_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


NOWHERE = [
    pytest.param(free_url(), id="nothing listens"),
    pytest.param("ftp://127.0.0.1", id="not http"),
    pytest.param("nowhere", id="no scheme"),
    pytest.param("http://[", id="not a URL"),
    pytest.param("http://127.0.0.1:99999", id="no such port"),
]


@pytest.mark.parametrize("url", NOWHERE)
async def test_nothing_there_is_unreachable(url: str) -> None:
    with pytest.raises(ServerUnreachable) as caught:
        await get_stream("q", url)

    assert caught.value.url == url


@pytest.mark.parametrize("url", NOWHERE)
def test_nothing_there_is_unreachable_for_the_sync_client(url: str) -> None:
    with pytest.raises(ServerUnreachable):
        list(stream_chat("q", url))
