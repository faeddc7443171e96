"""Which calls of people's own ChatOpenAIs are accelerated, and what of their models counts then."""

from __future__ import annotations

import asyncio
import functools
import gc
import ssl
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import anyio
import httpx2
import pytest
from langchain.chat_models import init_chat_model
from langchain_core.caches import InMemoryCache
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from openai import (
    APIConnectionError,
    APITimeoutError,
    AsyncOpenAI,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
    OpenAI,
    RateLimitError,
)
from openai.resources.chat import AsyncCompletions
from pydantic import BaseModel

from seltzer.models import UpstreamTruncated
from seltzer.models.openai.accelerated.stock import install
from tests.models.openai.accelerated.certificate import write_certificate
from tests.models.openai.accelerated.listeners import RunHandler, text_event
from tests.models.openai.dialects import DONE
from tests.models.openai.wire import CHUNKED, END, answering, chunked, read_request, sending
from tests.patience import PATIENCE_S
from tests.replies import RATE_LIMITED, Refusal, Reply
from tests.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("stock")]

CUT = chunked(text_event("one ") + text_event("two ") + DONE.encode())  # without a finish reason
Making = Callable[[str], Runnable[Any, Any]]


@tool
def look(at: str) -> str:
    """Look."""
    return at


class Look(BaseModel):
    """A look."""

    at: str


class Subclass(ChatOpenAI):
    """One of somebody's."""


def plain(url: str, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model="m", api_key="k", base_url=url, max_retries=0, **options)


def by_name(url: str) -> Runnable[Any, Any]:
    return init_chat_model("openai:m", base_url=url, api_key="k")


def changed(url: str, **fields: Any) -> ChatOpenAI:
    return plain(url).model_copy(update=fields)


def with_client(url: str, **options: Any) -> ChatOpenAI:
    """Return a model that was given another client of the SDK's when it was made already."""
    client = AsyncOpenAI(base_url=url, api_key="k", **options)
    return changed(url, root_async_client=client, async_client=client.chat.completions)


def wrapped(url: str) -> ChatOpenAI:
    """Return a model whose client's method is wrapped, as tracers do it."""
    model = plain(url)
    create = model.async_client.create
    model.async_client.create = functools.wraps(create)(lambda **options: create(**options))
    return model


ACCELERATED: dict[str, Making] = {
    "a plain one": plain,
    "init_chat_model": by_name,
    "settings of its requests": lambda url: plain(
        url, timeout=5, organization="o", default_headers={"x-y": "z"}, stream_chunk_timeout=9
    ),
    "one with metadata": lambda url: plain(url, metadata={"seltzer_accelerate": True, "team": "a"}),
    "one with other options of the client": lambda url: changed(
        url, root_async_client=None, async_client=None
    ).model_copy(update=vars_of_client(plain(url).root_async_client.with_options(timeout=5))),
    "bind": lambda url: plain(url).bind(stop=["x"]),
    "another model for each call": lambda url: plain(url).bind(model="other"),
    "bind_tools": lambda url: plain(url).bind_tools([look]),
    "with_config": lambda url: plain(url).with_config(tags=["a"]),
    "with_retry": lambda url: plain(url).with_retry(stop_after_attempt=1),
    "with_fallbacks": lambda url: plain(url).with_fallbacks([plain(url)]),
    **{
        f"with_structured_output, {method}": lambda url, method=method: plain(url).with_structured_output(  # type: ignore[misc]  # a default binds it
            Look, method=method
        )
        for method in ("function_calling", "json_schema", "json_mode")
    },
    "a schema": lambda url: plain(url).with_structured_output(Look.model_json_schema() | {"title": "Look"}),
    "tools and a form": lambda url: plain(url).bind_tools([look], strict=True, response_format=Look),
}
OTHERS: dict[str, Making] = {
    "a subclass": lambda url: Subclass(model="m", api_key="k", base_url=url),
    "Azure's": lambda url: AzureChatOpenAI(
        azure_endpoint=url, azure_deployment="m", api_version="2024-10-21", api_key="k"
    ),
    "an HTTP client of the user's": lambda url: plain(url, http_async_client=DefaultAsyncHttpxClient()),
    "one for whole threads": lambda url: plain(url, http_client=DefaultHttpxClient()),
    "socket options": lambda url: plain(url, http_socket_options=()),
    "an AsyncOpenAI of the user's": with_client,
    "one with an HTTP client": lambda url: with_client(url, http_client=httpx2.AsyncClient()),
    "completions that were wrapped": wrapped,
    "response headers": lambda url: plain(url, include_response_headers=True),
    "v1 content": lambda url: plain(url, output_version="v1"),
    "LangSmith's gateway": lambda url: ChatOpenAI(model="m", api_key="lsv2_x", base_url=url),
    "opted out": lambda url: plain(url, metadata={"seltzer_accelerate": False}),
}


def vars_of_client(client: AsyncOpenAI) -> dict[str, Any]:
    return {"root_async_client": client, "async_client": client.chat.completions}


async def ask(model: Runnable[Any, Any], *, by_a_run: bool = True) -> Any:
    return await model.ainvoke("q", {"callbacks": [RunHandler()] if by_a_run else []}, stream=True)


async def stream(model: Runnable[Any, Any]) -> str:
    return "".join([chunk.text async for chunk in model.astream("q", {"callbacks": [RunHandler()]})])


@pytest.mark.parametrize("name", ACCELERATED)
async def test_an_untouched_model_is_accelerated_and_with_that_strict(name: str) -> None:
    async with answering(sending(CHUNKED, CUT, END)) as url:
        model = await asyncio.to_thread(ACCELERATED[name], url)
        with pytest.raises(UpstreamTruncated):
            await ask(model)


@pytest.mark.parametrize("name", OTHERS)
async def test_any_other_model_is_left_to_the_sdk(name: str) -> None:
    async with answering(sending(CHUNKED, CUT, END)) as url:
        model = await asyncio.to_thread(OTHERS[name], url)

        assert (await ask(model)).text == "one two "
        assert await stream(model) == "one two "


def with_blocking_client(url: str) -> ChatOpenAI:
    client = OpenAI(base_url=url, api_key="k")
    return changed(url, root_client=client, client=client.chat.completions)


def blocking_wrapped(url: str) -> ChatOpenAI:
    model = plain(url)
    create = model.client.create
    model.client.create = functools.wraps(create)(lambda **options: create(**options))
    return model


BLOCKING = {
    "a plain one": plain,
    "bind_tools": lambda url: plain(url).bind_tools([look]),
    "an HTTP client of the user's": lambda url: plain(url, http_client=DefaultHttpxClient()),
    "an OpenAI of the user's": with_blocking_client,
    "with_structured_output": lambda url: plain(url).with_structured_output(Look, method="function_calling"),
}
BLOCKING_OTHERS = {
    "a subclass": OTHERS["a subclass"],
    "Azure's": OTHERS["Azure's"],
    "completions that were wrapped": blocking_wrapped,
    "response headers": OTHERS["response headers"],
    "v1 content": OTHERS["v1 content"],
    "opted out": OTHERS["opted out"],
}


async def in_a_thread(model: Runnable[Any, Any], *, by_a_run: bool = True) -> list[Any]:
    """Stream the model's answer as a plain function does: in a thread, below the callbacks of a run."""

    def node(_: Any, config: RunnableConfig) -> list[Any]:
        return list(model.stream("q", config))

    called = RunnableLambda(node)
    answer: list[Any] = await called.ainvoke("q", {"callbacks": [RunHandler()] if by_a_run else []})
    return answer


@pytest.mark.parametrize("name", BLOCKING)
async def test_a_plain_functions_call_is_accelerated_and_with_that_strict(name: str) -> None:
    async with answering(sending(CHUNKED, CUT, END)) as url:
        model = await asyncio.to_thread(BLOCKING[name], url)
        with pytest.raises(UpstreamTruncated):
            await in_a_thread(model)


@pytest.mark.parametrize("name", BLOCKING_OTHERS)
async def test_any_other_call_of_a_plain_function_is_left_to_the_sdk(name: str) -> None:
    async with answering(sending(CHUNKED, CUT, END)) as url:
        chunks = await in_a_thread(await asyncio.to_thread(BLOCKING_OTHERS[name], url))

    assert "".join(chunk.text for chunk in chunks) == "one two "


async def test_a_plain_functions_call_that_is_no_runs_is_left_to_the_sdk() -> None:
    async with answering(sending(CHUNKED, CUT, END)) as url:
        chunks = await in_a_thread(await asyncio.to_thread(plain, url), by_a_run=False)

    assert "".join(chunk.text for chunk in chunks) == "one two "


async def test_a_plain_function_uses_the_models_own_connections(upstream: Upstream) -> None:
    sent: list[Any] = []
    own = DefaultHttpxClient(event_hooks={"request": [sent.append]})
    model = await asyncio.to_thread(plain, upstream.url, http_client=own)

    chunks = await in_a_thread(model)

    assert "".join(chunk.text for chunk in chunks) == "q"
    assert len(sent) == len(upstream.requests) == 1


async def test_a_call_that_is_no_runs_is_left_to_the_sdk() -> None:
    async with answering(sending(CHUNKED, CUT, END)) as url:
        model = await asyncio.to_thread(plain, url)

        assert (await ask(model, by_a_run=False)).text == "one two "
        assert "".join([chunk.text async for chunk in model.astream("q")]) == "one two "


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (AsyncCompletions, "create"),
        (AsyncOpenAI, "post"),
        (httpx2.AsyncClient, "send"),
        (httpx2.AsyncHTTPTransport, "handle_async_request"),
    ],
)
async def test_what_traces_or_mocks_requests_sees_them(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, method = [], getattr(owner, name)

    @functools.wraps(method)
    async def noted(*args: Any, **options: Any) -> Any:
        seen.append(name)
        return await method(*args, **options)

    monkeypatch.setattr(owner, name, noted)
    async with answering(sending(CHUNKED, CUT, END)) as url:
        assert (await ask(await asyncio.to_thread(plain, url))).text == "one two "

    assert seen == [name]


async def test_a_certificate_of_the_environment_is_trusted(
    fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, context = tmp_path / "cert.pem", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    await asyncio.to_thread(write_certificate, chain)
    context.load_cert_chain(chain)

    async with answering(sending(CHUNKED, CUT, END), ssl=context) as url:
        with pytest.raises(APIConnectionError):
            await ask(await asyncio.to_thread(plain, url))
        monkeypatch.setenv("SSL_CERT_FILE", str(chain))
        remove = install()  # the environment counts as it is at the first call
        with pytest.raises(UpstreamTruncated):
            await ask(await asyncio.to_thread(plain, url))
        remove()


async def test_settings_count_as_they_are_at_the_call(upstream: Upstream) -> None:
    model = await asyncio.to_thread(plain, upstream.url, temperature=0.1)
    bodies, keys = [], []
    for temperature, key in ((0.1, "k"), (0.9, "k"), (0.9, "k2")):
        model.temperature = temperature
        model.root_async_client.api_key = key
        await ask(model)
        request = upstream.next_request()
        bodies.append(request.body["temperature"])
        keys.append(request.headers["authorization"])

    assert bodies == [0.1, 0.9, 0.9]
    assert keys == ["Bearer k", "Bearer k", "Bearer k2"]


async def test_a_default_that_is_changed_counts_at_the_next_call(upstream: Upstream) -> None:
    model = await asyncio.to_thread(plain, upstream.url, default_headers={"x-tenant": "one"})
    for tenant in ("one", "two", "two"):
        cast(dict[str, str], model.default_headers)["x-tenant"] = tenant
        await ask(model)

    assert [each.headers["x-tenant"] for each in upstream.requests] == ["one", "two", "two"]


async def test_what_the_client_was_made_with_is_sent(upstream: Upstream) -> None:
    async def key() -> str:
        return "fetched"

    model = await asyncio.to_thread(
        lambda: ChatOpenAI(
            model="m",
            api_key=key,
            base_url=upstream.url,
            organization="org",
            default_headers={"x-y": "z"},
            default_query={"v": "1"},
        )
    )

    await ask(model)

    request = upstream.next_request()
    sent = [request.headers[name] for name in ("authorization", "openai-organization", "x-y")]
    assert sent == ["Bearer fetched", "org", "z"]
    assert request.path.endswith("?v=1")


async def test_an_answer_is_cached_under_the_key_it_has_elsewhere(upstream: Upstream) -> None:
    model = await asyncio.to_thread(plain, upstream.url, cache=InMemoryCache())

    answers = [await ask(model, by_a_run=by_a_run) for by_a_run in (True, False, True)]

    assert [each.text for each in answers] == ["q"] * 3
    assert len(upstream.requests) == 1


async def test_a_whole_answer_is_asked_for_by_the_models_own_client(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = await asyncio.to_thread(plain, upstream.url)
    sent: list[Any] = []

    async def note(request: Any) -> None:
        sent.append(request)

    monkeypatch.setattr(model.root_async_client._client, "event_hooks", {"request": [note]})
    whole = await model.ainvoke("q", {"callbacks": [RunHandler()]}, stream=False)

    assert (whole.text, len(sent)) == ("q", 1)
    await ask(model)
    assert len(sent) == 1


async def test_silence_before_the_answer_ends_in_time_where_no_timeout_is_set(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seltzer.models.openai.accelerated.chat_model.OPENING_S", 0.2)
    upstream.script(lambda _: Reply(text="late", breaks="silence"))

    with anyio.fail_after(PATIENCE_S), pytest.raises(APITimeoutError):
        await ask(await asyncio.to_thread(by_name, upstream.url))

    assert len(upstream.requests) == 1


async def test_silence_amid_an_answer_ends_in_time_where_no_timeout_is_set(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seltzer.models.openai.accelerated.chat_model.SILENCE_S", 0.2)
    upstream.script([Reply(text=["one", " two"], breaks="silence", after=1), Reply(text="again")])
    model = await asyncio.to_thread(by_name, upstream.url)

    with anyio.fail_after(PATIENCE_S):
        answer = await ask(model.with_fallbacks([model]))

    assert answer.text == "again"


@pytest.mark.parametrize("where", ["model", "call"])
async def test_a_timeout_of_the_users_own_is_the_only_one(
    where: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seltzer.models.openai.accelerated.chat_model.OPENING_S", 0.0)
    options = {"timeout": PATIENCE_S} if where == "model" else {}
    model = await asyncio.to_thread(plain, upstream.url, **options)

    answer = await ask(model if where == "model" else model.bind(timeout=PATIENCE_S))

    assert answer.text == "q"


async def test_a_long_retry_after_is_the_callers_to_wait_for(upstream: Upstream) -> None:
    upstream.script(lambda _: _waiting(60))

    with anyio.fail_after(PATIENCE_S / 3), pytest.raises(RateLimitError):
        await ask(await asyncio.to_thread(by_name, upstream.url))

    assert len(upstream.requests) == 1


async def test_retries_that_the_user_has_set_are_made(upstream: Upstream) -> None:
    upstream.script([_waiting(0), Reply(text="at last")])
    model = await asyncio.to_thread(plain, upstream.url)

    assert (await ask(changed_retries(model, 1))).text == "at last"
    assert len(upstream.requests) == 2


def changed_retries(model: ChatOpenAI, count: int) -> ChatOpenAI:
    client = model.root_async_client.with_options(max_retries=count)
    return model.model_copy(update=vars_of_client(client) | {"max_retries": count})


def _waiting(seconds: int) -> Refusal:
    return Refusal(status=429, code=RATE_LIMITED.code, message="Too many.", retry_after_s=seconds)


async def test_nothing_of_a_model_is_kept_when_it_is_gone(upstream: Upstream) -> None:
    model = await asyncio.to_thread(plain, upstream.url)
    await asyncio.create_task(ask(model))
    client = weakref.ref(model.root_async_client)

    del model
    gc.collect()

    assert client() is None


def test_a_model_is_used_by_several_event_loops_in_turn(upstream: Upstream) -> None:
    model = plain(upstream.url)

    assert [asyncio.run(ask(model)).text for _ in range(2)] == ["q", "q"]


@pytest.fixture
def fresh() -> Iterator[None]:
    """Accelerate with connections that are made in this test."""
    remove = install()
    yield
    remove()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("is_excepted", [False, True])
async def test_a_proxy_of_the_environment_is_used(is_excepted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(CHUNKED + CUT + END)

    async with answering(answer) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1" if is_excepted else "")
        asked = url if is_excepted else "http://upstream.example"
        with pytest.raises(UpstreamTruncated):
            await ask(await asyncio.to_thread(plain, f"{asked}/v1"))

    target = b"/v1/chat/completions" if is_excepted else b"http://upstream.example/v1/chat/completions"
    assert heads[0].startswith(b"POST " + target + b" ")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_what_is_removed_leaves_the_methods_as_they_were(
    order: tuple[int, ...], untouched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ChatOpenAI._astream
    removing = install(), install()

    for index in order:
        removing[index]()

    async with answering(sending(CHUNKED, CUT, END)) as url:
        assert (await ask(await asyncio.to_thread(plain, url))).text == "one two "
    if order == (1, 0):
        assert ChatOpenAI._astream is own
        assert "_agenerate_with_cache" not in vars(ChatOpenAI)


async def test_what_somebody_puts_in_front_later_stays_there(
    untouched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, remove = [], install()
    front = ChatOpenAI._astream

    def theirs(self: ChatOpenAI, *args: Any, **options: Any) -> Any:
        seen.append("theirs")
        return front(self, *args, **options)

    monkeypatch.setattr(ChatOpenAI, "_astream", theirs)
    remove()

    async with answering(sending(CHUNKED, CUT, END)) as url:
        assert (await ask(await asyncio.to_thread(plain, url))).text == "one two "

    assert seen == ["theirs"]
