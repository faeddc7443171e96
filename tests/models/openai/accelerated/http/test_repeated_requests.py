"""A client's later requests: on the wire they are the SDK's own, whatever has become of the one before."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx2
import pytest
from langchain_openai import ChatOpenAI
from openai import APIError, AsyncOpenAI, OpenAIError, Timeout
from openai.resources.chat import AsyncCompletions

from seltzer.models.openai import openai_chat
from seltzer.models.openai.accelerated import AcceleratedChatOpenAI
from seltzer.models.openai.accelerated.http.client import ModelHttpClient
from seltzer.models.openai.accelerated.http.repeated_requests import encoded
from tests.models.openai.accelerated.listeners import spoken
from tests.models.openai.wire import CHUNKED, END, Answer, answering, chunked, read_request
from tests.replies import Refusal, Reply
from tests.upstream import Request, Upstream

pytestmark = pytest.mark.anyio

OF_THE_CONNECTION = {"host", "connection", "content-length", "accept-encoding"}
Settings = dict[str, Any]
SETTINGS: dict[str, Settings] = {
    "nothing else": {},
    "an organization and headers": {"organization": "org", "default_headers": {"x-y": "e f", "X-Z": ""}},
    "a query": {"default_query": {"v": "1", "w": "ä"}},
    "a timeout": {"timeout": Timeout(7, connect=3)},
    "options of the answer": {"temperature": 0.5, "logit_bias": {"7": 1}, "stop": ["x"]},
}
QUESTIONS = ["one", "日本 \u2028 🎉", "three"]


def ours(url: str, **settings: Any) -> ChatOpenAI:
    options = {"model": "m", "api_key": "k", "base_url": url, "max_retries": 0, **settings}
    return AcceleratedChatOpenAI(**options, http_async_client=ModelHttpClient())


def librarys(url: str, **settings: Any) -> ChatOpenAI:
    return ChatOpenAI(**{"model": "m", "api_key": "k", "base_url": url, "max_retries": 0, **settings})


async def asked(model: ChatOpenAI, question: str = "q", **options: Any) -> str:
    return "".join([chunk.text async for chunk in model.astream(question, **options)])


def as_sent(request: Request) -> tuple[str, str, dict[str, str], Any]:
    headers = {name: value for name, value in request.headers.items() if name not in OF_THE_CONNECTION}
    return request.method, request.path, headers, request.body


@pytest.mark.parametrize("name", SETTINGS)
async def test_every_request_is_the_one_that_the_sdk_sends(name: str, upstream: Upstream) -> None:
    sent = []
    for make in (ours, librarys):
        model = await asyncio.to_thread(make, upstream.url, **SETTINGS[name])
        answers = [await asked(model, question) for question in QUESTIONS]
        assert answers == QUESTIONS
        sent.append([as_sent(upstream.next_request()) for _ in QUESTIONS])

    assert sent[0] == sent[1]


FAILURES: dict[str, list[Refusal | Reply]] = {
    "400": [Refusal(status=400, code="bad", message="No.")],
    "401": [Refusal(status=401, code="invalid_api_key", message="No.")],
    "404": [Refusal(status=404, code="model_not_found", message="No.")],
    "429 once": [Refusal(status=429, code="rate", message="Later.", retry_after_s=0)],
    "500 for good": [Refusal(status=500, code="oops", message="Oops.", retry_after_s=0)] * 3,
    "503, then a refusal": [
        Refusal(status=503, code="busy", message="Busy.", retry_after_s=0),
        Refusal(status=400, code="bad", message="No."),
    ],
    "a long wait": [Refusal(status=429, code="rate", message="Later.", retry_after_s=600)],
}


@pytest.mark.parametrize("nth", [0, 1])
@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_is_the_sdks_whichever_request_it_hits(
    name: str, nth: int, upstream: Upstream
) -> None:
    model = await asyncio.to_thread(openai_chat, "m", "k", upstream.url)
    for _ in range(nth):
        await asked(model)
    upstream.requests.clear()
    upstream.script([*FAILURES[name], Reply(text="at last")])

    outcome = await _outcome(model)

    assert (outcome, [each.headers["x-stainless-retry-count"] for each in upstream.requests]) == {
        "400": (("BadRequestError", "bad"), ["0"]),
        "401": (("AuthenticationError", "invalid_api_key"), ["0"]),
        "404": (("NotFoundError", "model_not_found"), ["0"]),
        "429 once": (("at last", None), ["0", "1"]),
        "500 for good": (("InternalServerError", "oops"), ["0", "1", "2"]),
        "503, then a refusal": (("BadRequestError", "bad"), ["0", "1"]),
        "a long wait": (("RateLimitError", "rate"), ["0"]),
    }[name]
    upstream.reset()
    assert await asked(model, "and on") == "and on"


async def _outcome(model: ChatOpenAI) -> tuple[str, str | None]:
    try:
        return await asked(model), None
    except APIError as error:
        return _kind(error), error.code


def _kind(error: OpenAIError) -> str:
    """Name the SDK's class, of which LangChain's is a subclass."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("openai"))


@pytest.mark.parametrize(("retries", "outcome"), [(1, "fine"), (0, "APIConnectionError")])
async def test_a_connection_that_ends_before_the_head_is_tried_again(retries: int, outcome: str) -> None:
    """The second request is dropped; a retry is the third."""
    count = itertools.count()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        if next(count) != 1:
            for part in (CHUNKED, *map(chunked, spoken("fine")), END):
                writer.write(part)

    async with answering(answer) as url:
        model = await asyncio.to_thread(ours, url, max_retries=retries)
        assert await asked(model) == "fine"
        try:
            second = await asked(model)
        except OpenAIError as error:
            second = _kind(error)

        assert (second, next(count)) == (outcome, 2 + retries)
        assert await asked(model) == "fine"


def _head_keeping(heads: list[bytes], first: Callable[[str], bytes]) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        host = next(line for line in heads[-1].split(b"\r\n") if line.lower().startswith(b"host:"))
        begun = first(host.partition(b":")[2].strip().decode()) if len(heads) == 1 else CHUNKED
        writer.write(begun)
        if b" 200 " in begun:
            for part in (*map(chunked, spoken("fine")), END):
                writer.write(part)

    return answer


async def test_a_redirect_is_followed_each_time() -> None:
    def redirect(host: str) -> bytes:
        return (
            f"HTTP/1.1 307 There\r\nlocation: http://{host}/there\r\ncontent-length: 0\r\n"
            "connection: close\r\n\r\n"
        ).encode()

    heads: list[bytes] = []
    async with answering(_head_keeping(heads, redirect)) as url:
        model = await asyncio.to_thread(ours, url)
        answers = [await asked(model) for _ in range(3)]

    assert answers == ["fine"] * 3
    assert [head.split(b" ")[1] for head in heads] == [
        b"/chat/completions",
        b"/there",
        *[b"/chat/completions"] * 2,
    ]


async def test_a_cookie_of_one_answer_is_not_repeated_for_good() -> None:
    def cookie(_host: str) -> bytes:
        return CHUNKED.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b\r\n\r\n", 1)

    heads: list[bytes] = []
    async with answering(_head_keeping(heads, cookie)) as url:
        model = await asyncio.to_thread(ours, url)
        for _ in range(3):
            await asked(model)

    assert not any(b"cookie" in head.lower() for head in heads)


async def test_a_key_that_is_fetched_is_fetched_each_time(upstream: Upstream) -> None:
    count = itertools.count()

    async def key() -> str:
        return f"key{next(count) // 2}"  # the same one for two requests

    model = await asyncio.to_thread(ours, upstream.url, api_key=key)
    for _ in range(6):
        await asked(model)

    keys = [upstream.next_request().headers["authorization"] for _ in range(6)]
    assert keys == [f"Bearer key{at // 2}" for at in range(6)]


@pytest.mark.parametrize("refused", [1, 2])
async def test_a_fetched_key_is_never_kept_though_the_first_calls_fail(
    refused: int, upstream: Upstream
) -> None:
    count = itertools.count()

    async def key() -> str:
        return f"key{min(next(count), refused)}"

    model = await asyncio.to_thread(ours, upstream.url, api_key=key)
    refusal = Refusal(status=400, code="bad", message="No.")
    upstream.script([*[refusal] * refused, *[Reply(text="fine")] * 4])
    for _ in range(refused):
        with pytest.raises(OpenAIError):
            await asked(model)
    await asked(model)
    await asked(model)
    count = itertools.count(7)
    refused = 9
    await asked(model)

    keys = [each.headers["authorization"] for each in upstream.requests]
    assert keys[-3:] == [f"Bearer key{len(keys) - 3}", f"Bearer key{len(keys) - 3}", "Bearer key7"]


async def test_a_key_of_another_kind_is_never_sent(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    model = await asyncio.to_thread(ours, upstream.url, api_key="")

    with pytest.raises((OpenAIError, TypeError)):
        await asked(model)

    assert upstream.requests == []


async def test_a_default_that_is_changed_counts_from_the_next_request_on(upstream: Upstream) -> None:
    headers, query = {"x-tenant": "one"}, {"v": "1"}
    model = await asyncio.to_thread(ours, upstream.url, default_headers=headers, default_query=query)
    for tenant, version in (("one", "1"), ("two", "1"), ("two", "2"), ("two", "2")):
        cast(dict[str, str], model.default_headers)["x-tenant"] = tenant
        cast(dict[str, str], model.default_query)["v"] = version
        await asked(model)

    sent = [(each.headers["x-tenant"], each.path.partition("?v=")[2]) for each in upstream.requests]
    assert sent == [("one", "1"), ("two", "1"), ("two", "2"), ("two", "2")]


async def test_a_setting_that_is_changed_counts_from_the_next_request_on(upstream: Upstream) -> None:
    model = await asyncio.to_thread(ours, upstream.url)
    client: AsyncOpenAI = model.root_async_client

    async def headers() -> dict[str, str]:
        await asked(model)
        return upstream.next_request().headers

    await headers()
    client.api_key = "k2"
    assert (await headers())["authorization"] == "Bearer k2"
    assert (await headers())["authorization"] == "Bearer k2"
    client.timeout = Timeout(9)
    assert (await headers())["x-stainless-read-timeout"].startswith("9")
    client.base_url = httpx2.URL(upstream.url.removesuffix("/v1") + "/v2/")
    with pytest.raises(OpenAIError, match="404"):
        await asked(model)


async def test_clients_of_one_connection_pool_keep_their_own_keys(upstream: Upstream) -> None:
    model = await asyncio.to_thread(ours, upstream.url)
    clients = [model.root_async_client.with_options(api_key=key) for key in "ab"]

    for client in clients * 2:
        of_client = {"root_async_client": client, "async_client": client.chat.completions}
        await asked(model.model_copy(update=of_client))

    keys = [request.headers["authorization"] for request in upstream.requests]
    assert keys == ["Bearer a", "Bearer b"] * 2


async def test_options_of_one_call_are_of_that_call_alone(upstream: Upstream) -> None:
    model = await asyncio.to_thread(ours, upstream.url)
    await asked(model)

    await asked(model, extra_headers={"x-once": "1"}, timeout=5)
    await asked(model)

    assert ["x-once" in each.headers for each in upstream.requests] == [False, True, False]


@pytest.mark.parametrize("value", [float("nan"), "\ud800", {1, 2}])
async def test_what_is_no_json_fails_as_the_first_request_would(value: Any, upstream: Upstream) -> None:
    outcomes = []
    for nth in range(2):
        model = await asyncio.to_thread(ours, upstream.url)
        if nth:
            await asked(model)
        with pytest.raises((TypeError, ValueError)) as caught:
            await asked(model, logit_bias={"1": value})
        outcomes.append(repr(caught.value))

    assert outcomes[0] == outcomes[1]
    assert encoded({"logit_bias": {"1": value}}) is None


async def test_what_traces_requests_sees_later_ones_too(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = await asyncio.to_thread(ours, upstream.url)
    await asked(model)
    sent, send = [], httpx2.AsyncClient.send

    async def traced(self: Any, request: Any, **options: Any) -> Any:
        sent.append(request.url.path)
        return await send(self, request, **options)

    monkeypatch.setattr(httpx2.AsyncClient, "send", traced)
    await asked(model)

    assert sent == ["/v1/chat/completions"]


class _Traced:
    """What a tracer makes of a stream: an iterator of its chunks, and nothing else."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aenter__(self) -> Any:
        return self._stream

    async def __aexit__(self, *_error: object) -> None:
        await self._stream.close()


async def test_what_traces_the_sdks_calls_sees_them(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = await asyncio.to_thread(ours, upstream.url)
    seen, create = [], AsyncCompletions.create

    async def traced(self: Any, **options: Any) -> Any:
        seen.append(options["messages"])
        return _Traced(await create(self, **options))

    monkeypatch.setattr(AsyncCompletions, "create", traced)
    assert await asked(model) == "q"

    assert len(seen) == 1


async def test_leaving_a_repeated_request_closes_its_connection(upstream: Upstream) -> None:
    model = await asyncio.to_thread(ours, upstream.url)
    await asked(model)
    upstream.next_request()
    upstream.script([Reply(text="late", breaks="silence")])

    waiting: asyncio.Task[str] = asyncio.create_task(asked(model))
    request = await asyncio.to_thread(upstream.next_request)
    waiting.cancel()
    await _ended(waiting)

    await asyncio.to_thread(request.left.wait)
    upstream.resume()
    assert waiting.cancelled()


async def _ended(task: Awaitable[Any]) -> None:
    await asyncio.wait((asyncio.ensure_future(task),))
