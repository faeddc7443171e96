"""The model's own transport, against servers that send exactly what a test defines."""

import asyncio
import socket
from typing import Any

import httpx2
import pytest
import uvloop
from langchain_core.messages import HumanMessage
from openai import APIConnectionError, APITimeoutError

from seltzer.models.openai import StrictChatOpenAI, openai_chat
from seltzer.models.openai.accelerated import AcceleratedChatOpenAI
from seltzer.models.openai.accelerated.http.client import ModelHttpClient
from seltzer.models.openai.accelerated.http.transport import READ
from tests.models.openai.dialects import STREAMS
from tests.models.openai.wire import CHUNKED, END, Answer, answering, chunked, read_request, sending
from tests.replies import Reply
from tests.upstream import Upstream

pytestmark = pytest.mark.anyio

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"


@pytest.fixture(scope="module")
def client() -> ModelHttpClient:
    """The client; made outside the event loops it is used in, as making one reads files."""
    return ModelHttpClient(timeout=httpx2.Timeout(5))


async def _until_left(reader: asyncio.StreamReader) -> None:
    """Keep a connection open until its client disconnects."""
    await reader.read()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def _notice_what_has_arrived(client: ModelHttpClient) -> None:
    """Return when the client's connections have read what was sent to them before: the loop has turned."""
    async with answering(sending(WHOLE)) as url:
        await client.post(url)


async def test_a_request_arrives_as_it_was_made(client: ModelHttpClient) -> None:
    heads = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=1\r\nx-y: z\r\n\r\nhi")

    async with answering(answer) as url:
        response = await client.post(f"{url}/v1/ü?q=a b", headers={"x-k": "v"})

    assert (response.status_code, response.text, response.headers["x-y"]) == (200, "hi", "z")
    assert heads[0].startswith(b"POST /v1/%C3%BC?q=a%20b HTTP/1.1\r\n")
    assert b"\r\nx-k: v\r\n" in heads[0]
    assert response.http_version == "HTTP/1.1"


@pytest.mark.parametrize(
    "raw",
    [
        WHOLE,
        CHUNKED + chunked(b"h") + chunked(b"i") + END,
        b"HTTP/1.0 200 OK\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhi",
        EARLY + WHOLE,
    ],
)
@pytest.mark.parametrize("is_cut", [False, True])
async def test_every_framing_of_a_body_is_read(client: ModelHttpClient, raw: bytes, is_cut: bool) -> None:
    parts = [raw[at : at + 1] for at in range(len(raw))] if is_cut else [raw]
    async with answering(sending(*parts)) as url:
        response = await client.post(url)

    assert response.content == b"hi"
    assert "link" not in response.headers


async def test_a_stream_with_its_own_content_length_is_sent_completely(client: ModelHttpClient) -> None:
    heads = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def body() -> Any:
        yield b"one"
        yield b"two"

    async with answering(answer) as url:
        assert (await client.post(url, content=body())).status_code == 204

    assert b"content-length: 6" in heads[0].lower()
    assert b"transfer-encoding" not in heads[0].lower()


async def test_a_connection_is_used_again_while_it_is_open(client: ModelHttpClient) -> None:
    ports, closed = [], asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await read_request(reader)
            ports.append(writer.get_extra_info("peername")[1])
            writer.write(WHOLE)
        await _close(writer)
        closed.set()

    async with answering(answer) as url, asyncio.timeout(5):
        for _ in range(2):
            await client.post(url)
        await closed.wait()
        await _notice_what_has_arrived(client)
        await client.post(url)

    assert ports[0] == ports[1] != ports[2]


async def test_a_connection_in_use_stays_pooled_past_the_time_it_may_be_idle() -> None:
    connections, keep_alive_s = 0, 0.2

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await read_request(reader):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    client = await asyncio.to_thread(ModelHttpClient, keep_alive_s=keep_alive_s)
    async with answering(answer) as url, client:
        begun = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < begun + 4 * keep_alive_s:
            assert (await client.post(url, content=b"{}")).text == "ok"

    assert connections == 1


COUNT = 20  # requests by each event loop


async def test_several_event_loops_use_one_client_at_once() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for nth in range(COUNT):
            await read_request(reader)
            ending = b"connection: close\r\n" if nth == COUNT - 1 else b""
            writer.write(b"HTTP/1.1 200 OK\r\n%scontent-length: 2\r\n\r\nok" % ending)

    client = await asyncio.to_thread(ModelHttpClient)

    async def ask(url: str) -> list[str]:
        return [(await client.post(url, content=b"{}")).text for _ in range(COUNT)]

    async with answering(answer) as url:
        asking = [asyncio.to_thread(asyncio.run, ask(url)) for _ in range(4)]
        answers = await asyncio.gather(ask(url), *asking)
        await client.aclose()

    assert answers == [["ok"] * COUNT] * 5


async def test_a_response_without_a_request_is_never_used_for_another(client: ModelHttpClient) -> None:
    ports = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        ports.add(writer.get_extra_info("peername")[1])
        writer.write(WHOLE + WHOLE.replace(b"hi", b"no"))
        await _until_left(reader)

    async with answering(answer) as url:
        assert [(await client.post(url)).text for _ in range(2)] == ["hi", "hi"]

    assert len(ports) == 2


async def test_an_unused_connection_is_closed_after_a_while() -> None:
    client = await asyncio.to_thread(ModelHttpClient, keep_alive_s=0.0)
    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(WHOLE)
        await _until_left(reader)
        left.set()

    async with answering(answer) as url:
        await client.post(url)
        async with asyncio.timeout(5):
            await left.wait()


def test_a_client_lives_on_from_one_event_loop_to_the_next() -> None:
    client = ModelHttpClient()

    async def ask() -> str:
        async with answering(sending(WHOLE)) as url:
            return (await client.post(url)).text

    assert [asyncio.run(ask()), uvloop.run(ask())] == ["hi", "hi"]


async def test_closing_the_client_closes_its_connections() -> None:
    client = await asyncio.to_thread(ModelHttpClient, keep_alive_s=60)
    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(WHOLE)
        await _until_left(reader)
        left.set()

    async with answering(answer) as url, asyncio.timeout(5):
        await client.post(url)
        assert not left.is_set()
        await client.aclose()
        await left.wait()


@pytest.mark.parametrize(
    "answer",
    [
        sending(),
        sending(b"HTTP/1.1 200 OK\r\n"),
        sending(CHUNKED + chunked(b"text")),
        sending(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ntext"),
        sending(b"220 smtp ready\r\n"),
        sending(UPGRADE),
    ],
)  # fmt: skip
async def test_an_incomplete_response_is_an_error_of_httpx2(client: ModelHttpClient, answer: Answer) -> None:
    async with answering(answer) as url:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.post(url)


async def test_what_arrived_before_the_connection_broke_is_read_before_the_error(
    client: ModelHttpClient,
) -> None:
    closed = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunked(b"one") + chunked(b"two"))
        await _close(writer)
        closed.set()

    async with answering(answer) as url, asyncio.timeout(5), client.stream("POST", url) as response:
        await closed.wait()
        await _notice_what_has_arrived(client)
        pieces = response.aiter_raw()

        assert response.status_code == 200
        assert await anext(pieces) == b"onetwo"
        with pytest.raises(httpx2.RemoteProtocolError):
            await anext(pieces)


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", CHUNKED, CHUNKED + chunked(b"text")])
async def test_silence_ends_in_a_timeout_wherever_it_falls(client: ModelHttpClient, sent: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(sent)
        await _until_left(reader)

    async with answering(answer) as url:
        with pytest.raises(httpx2.ReadTimeout):
            await client.post(url, timeout=httpx2.Timeout(5, read=0.05))


async def test_each_wait_has_the_whole_limit(client: ModelHttpClient) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED)
        for _ in range(6):
            writer.write(chunked(b"x"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.2)
        writer.write(END)

    async with answering(answer) as url:
        assert (await client.post(url, timeout=httpx2.Timeout(5, read=1.0))).content == b"xxxxxx"


async def test_a_request_has_its_own_limit_not_that_of_the_one_before(client: ModelHttpClient) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(WHOLE)
        await _until_left(reader)

    async with answering(answer) as url, asyncio.timeout(4):
        await client.post(url, timeout=httpx2.Timeout(5))
        with pytest.raises(httpx2.ReadTimeout):
            await client.post(url, timeout=httpx2.Timeout(5, read=0.05))


async def test_a_limit_that_passes_while_nobody_waits_harms_nothing(client: ModelHttpClient) -> None:
    ports, left = [], asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in range(2):
                await read_request(reader)
                ports.append(writer.get_extra_info("peername")[1])
                writer.write(WHOLE)
        finally:
            left.set()

    async with answering(answer) as url:
        await client.post(url, timeout=httpx2.Timeout(5, read=0.05))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(left.wait(), 0.2)
        await client.post(url)

    assert ports[0] == ports[1]


async def test_a_reset_is_published_from_an_end(upstream: Upstream, client: ModelHttpClient) -> None:
    upstream.script([Reply(text="one two", breaks="reset", after=1)])

    with pytest.raises(httpx2.ReadError):
        await client.post(f"{upstream.url}/chat/completions", json={"stream": True, "messages": []})


async def test_a_slow_reader_makes_the_upstream_wait(client: ModelHttpClient) -> None:
    sent = asyncio.Event()
    size = 40_000_000

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size // 100_000):
            writer.write(b"x" * 100_000)
            await writer.drain()
        sent.set()

    async with answering(answer) as url, client.stream("POST", url) as response:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sent.wait(), 0.3)
        async with asyncio.timeout(20):
            assert sum([len(data) async for data in response.aiter_raw()]) == size

    assert sent.is_set()


async def test_nobody_there_and_nobody_who_answers_are_published_apart(client: ModelHttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(httpx2.ConnectError):
        await client.post(f"http://127.0.0.1:{port}")

    async with answering(lambda reader, _: _until_left(reader)) as url:
        with pytest.raises(httpx2.ConnectTimeout):  # it never answers TLS's hello
            await client.post(url.replace("http", "https"), timeout=httpx2.Timeout(5, connect=0.1))


async def test_a_header_cannot_break_out_of_its_line(client: ModelHttpClient) -> None:
    with pytest.raises(httpx2.LocalProtocolError):
        await client.post("http://127.0.0.1:1", headers={"authorization": "Bearer k\nx-y: z"})


async def test_a_proxy_of_the_environment_is_left_to_httpx2(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    async with answering(refuse) as proxy, answering(sending(WHOLE)) as url:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        client = await asyncio.to_thread(ModelHttpClient)
        with pytest.raises(httpx2.ProxyError):
            await client.get("https://model.example/v1")
        direct = await client.get(url)

    assert [head.partition(b"\r\n")[0] for head in heads] == [b"CONNECT model.example:443 HTTP/1.1"]
    assert direct.text == "hi"
    assert READ in direct.extensions  # by this transport


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_the_model_speaks_over_either_event_loop(run: Any) -> None:
    async def ask() -> str:
        async with answering(sending(CHUNKED, chunked(STREAMS["ollama"]), END)) as url:
            return "".join([chunk.text async for chunk in (await _chat(url)).astream("q")])

    assert run(ask()) == "Hi there"


async def _chat(url: str) -> StrictChatOpenAI:
    """Make the model, which reads files, out of the event loop's way."""
    return await asyncio.to_thread(openai_chat, "m", "k", url)


async def test_the_sdk_retries_and_names_the_errors() -> None:
    asked = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.append(1)
        if len(asked) == 2:
            writer.write(CHUNKED + chunked(STREAMS["ollama"]) + END)

    async with answering(answer) as url:
        model = await _chat(url)
        assert (await model.ainvoke("q", stream=True)).text == "Hi there"
        assert len(asked) == 2
        with pytest.raises(APIConnectionError) as caught:
            await model.ainvoke("q", stream=True)

    assert not isinstance(caught.value, APITimeoutError)
    assert len(asked) == 5


@pytest.mark.parametrize("kib", [520, 1000])
async def test_a_large_head_or_trailer_does_not_stop_the_reading(client: ModelHttpClient, kib: int) -> None:
    large = b"".join(b"x-%d: %s\r\n" % (n, b"x" * 1000) for n in range(kib))
    head, trailers = CHUNKED.removesuffix(b"\r\n") + large + b"\r\n", b"0\r\n" + large + b"\r\n"

    async with answering(sending(head, chunked(b"hi"), trailers)) as url, asyncio.timeout(5):
        assert (await client.get(url)).text == "hi"


@pytest.mark.parametrize(
    "begun", [CHUNKED.removesuffix(b"\r\n"), CHUNKED + chunked(b"hi") + b"0\r\n"], ids=["head", "trailers"]
)
async def test_a_head_or_trailers_without_an_end_are_refused(client: ModelHttpClient, begun: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(begun)
        while True:
            writer.write(b"x: %s\r\n" % (b"x" * 60_000))
            await writer.drain()

    async with answering(answer) as url, asyncio.timeout(5):
        with pytest.raises(httpx2.RemoteProtocolError, match="no end"):
            await client.get(url)


async def test_each_sign_of_life_before_the_head_restarts_the_timeout(client: ModelHttpClient) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for _ in range(6):
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
            await asyncio.sleep(0.2)
        writer.write(WHOLE)

    async with answering(answer) as url, asyncio.timeout(5):
        assert (await client.get(url, timeout=0.8)).text == "hi"


async def test_a_refused_second_chat_leaves_no_connection_open() -> None:
    asked, are_open, has_left = 0, 0, asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked, are_open
        are_open += 1
        try:
            while True:
                await read_request(reader)
                asked += 1
                refusal = b"HTTP/1.1 500 X\r\ncontent-length: 2\r\nretry-after-ms: 1\r\n\r\n{}"
                writer.write(refusal if asked in (2, 3) else CHUNKED + chunked(STREAMS["ollama"]) + END)
        finally:
            are_open -= 1
            has_left.set()

    async with answering(answer) as url:
        model = await _chat(url)
        async with asyncio.timeout(4):  # before an unused one would be closed
            for _ in range(3):
                assert (await model.ainvoke("q", stream=True)).text == "Hi there"
            while are_open > 1:
                has_left.clear()
                await has_left.wait()

        assert (asked, are_open) == (5, 1)


@pytest.mark.parametrize("has_gone", [True, False])
async def test_an_answer_that_breaks_off_names_its_request_and_its_cause(has_gone: bool) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunked(STREAMS["ollama"].partition(b"\n\n")[0] + b"\n\n"))
        if not has_gone:
            await _until_left(reader)

    async with answering(answer) as url:
        model = await _chat(url)
        model.root_async_client.timeout = httpx2.Timeout(0.2)
        with pytest.raises(APIConnectionError) as caught:
            async for _ in model._astream([HumanMessage("q")]):
                pass

    sdk_error = caught.value.__cause__  # the SDK's, of which LangChain makes its own
    assert isinstance(sdk_error, APIConnectionError)
    cause = sdk_error.__cause__
    expected = httpx2.RemoteProtocolError if has_gone else httpx2.ReadTimeout
    assert isinstance(cause, expected)
    assert isinstance(sdk_error, APITimeoutError) is not has_gone
    assert cause.request is sdk_error.request
    assert b'"q"' in sdk_error.request.content


async def test_an_answer_that_somebody_has_read_is_published_all_the_same() -> None:
    async def read(response: httpx2.Response) -> None:
        await response.aread()

    async with answering(sending(CHUNKED, chunked(STREAMS["ollama"]), END)) as url:
        client = await asyncio.to_thread(ModelHttpClient, event_hooks={"response": [read]})
        model = AcceleratedChatOpenAI(model="m", api_key="k", base_url=url, http_async_client=client)
        texts = [(await model.ainvoke("q", stream=True)).text for _ in range(2)]

    assert texts == ["Hi there"] * 2


async def test_a_cancelled_reader_closes_the_upstream() -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunked(STREAMS["ollama"].partition(b"\n\n")[0] + b"\n\n"))
        await _until_left(reader)
        left.set()

    async def read(model: StrictChatOpenAI) -> None:
        async for _ in model.astream("q"):
            begun.set()

    async with answering(answer) as url, asyncio.timeout(5):
        reading = asyncio.create_task(read(await _chat(url)))
        await begun.wait()
        reading.cancel()
        await left.wait()
    with pytest.raises(asyncio.CancelledError):
        await reading
