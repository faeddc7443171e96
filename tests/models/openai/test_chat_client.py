"""A chat's request that is built from the one before is the one that the SDK builds."""

import asyncio
import json
import logging
import tracemalloc
from typing import Any

import anyio
import httpx2
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from openai import APIConnectionError, APIStatusError, AsyncAzureOpenAI, AsyncOpenAI, DefaultAsyncHttpxClient

from seltzer.models.openai.accelerated import chat_client
from seltzer.models.openai.accelerated.chat_client import ChatClient
from seltzer.models.openai.accelerated.stream import LeanCompletions
from seltzer.models.openai.strict import StrictChatOpenAI
from tests.models.openai.dialects import STREAMS

pytestmark = pytest.mark.anyio

ERRORS = [httpx2.ConnectError, httpx2.ReadTimeout]
OF_THE_WAY = {"x-stainless-raw-response", "x-stainless-async", "x-stainless-read-timeout"}


class Asked(httpx2.AsyncBaseTransport):
    """Writes down what it is asked, and answers with these statuses, then 200; small ones raise ERRORS."""

    def __init__(self, *statuses: int) -> None:
        self.requests: list[list[Any]] = []
        self._statuses = list(statuses)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name not in OF_THE_WAY}
        limits = request.extensions.get("timeout")
        body = json.loads(await request.aread())
        self.requests.append([request.method, str(request.url), headers, limits, body])
        status = self._statuses.pop(0) if self._statuses else 200
        if status < len(ERRORS):
            raise ERRORS[status]("nobody is there")
        headers = {"set-cookie": "seen=1", "retry-after-ms": "1", "location": "/elsewhere"}
        return httpx2.Response(status, headers=headers, content=STREAMS["openai"] if status == 200 else b"{}")


class LongWay(StrictChatOpenAI):
    """The model that has each request built by the SDK."""

    def _can_be_lean(self, options: dict[str, Any]) -> bool:
        return False


def model_of(kind: type[StrictChatOpenAI], asked: Asked, **options: Any) -> StrictChatOpenAI:
    client = DefaultAsyncHttpxClient(transport=asked)
    return kind(model="m", api_key="k", base_url="http://x/v1", http_async_client=client, **options)


async def say(model: StrictChatOpenAI, *texts: str, **options: Any) -> None:
    for text in texts:
        async for _ in model._astream([HumanMessage(text)], **options):
            pass


async def test_the_second_request_is_the_sdks_too_with_the_cookies_that_came() -> None:
    asked = [Asked(), Asked()]
    for kind, each in zip((StrictChatOpenAI, LongWay), asked, strict=True):
        model = model_of(kind, each, organization="o", default_headers={"x-y": "z"}, default_query={"v": "1"})
        await say(model, "one", "漢字 \u2028", "three")

    assert asked[0].requests == asked[1].requests
    assert [each[2].get("cookie") for each in asked[0].requests] == [None, "seen=1", "seen=1"]


@pytest.mark.parametrize("change", ["api_key", "base_url", "timeout", "organization", "_custom_headers"])
async def test_a_setting_of_the_clients_that_has_changed_is_in_the_next_request(change: str) -> None:
    values: dict[str, Any] = {"timeout": httpx2.Timeout(7), "_custom_headers": {"x-y": "new"}}
    value = values.get(change, "http://new/v2")
    asked = [Asked(), Asked()]
    for kind, each in zip((StrictChatOpenAI, LongWay), asked, strict=True):
        model = model_of(kind, each)
        await say(model, "one")
        setattr(model.root_async_client, change, value)
        await say(model, "two", "three")

    assert asked[0].requests == asked[1].requests
    first, second, _ = asked[0].requests
    assert first[:4] != second[:4]


async def test_another_client_in_the_models_place_is_asked_from_then_on() -> None:
    model, other = model_of(StrictChatOpenAI, Asked()), Asked()
    await say(model, "one")

    client = DefaultAsyncHttpxClient(transport=other)
    model.root_async_client = AsyncOpenAI(api_key="k2", base_url="http://y/v1", http_client=client)
    await say(model, "two")

    assert other.requests[0][1] == "http://y/v1/chat/completions"
    assert other.requests[0][2]["authorization"] == "Bearer k2"


async def test_a_second_try_says_so_as_the_sdk_does() -> None:
    asked = [Asked(200, 500, 429), Asked(200, 500, 429)]
    for kind, each in zip((StrictChatOpenAI, LongWay), asked, strict=True):
        await say(model_of(kind, each, max_retries=2), "one", "two")

    assert asked[0].requests == asked[1].requests
    assert [each[2]["x-stainless-retry-count"] for each in asked[0].requests] == ["0", "0", "1", "2"]


@pytest.mark.parametrize("error", range(len(ERRORS)))
async def test_a_second_request_without_an_answer_is_tried_again_and_raises_as_the_sdks_does(
    error: int,
) -> None:
    caught: list[list[Any]] = []
    for kind in (StrictChatOpenAI, LongWay):
        asked = Asked(200, error, error)
        model = model_of(kind, asked, max_retries=1)
        await say(model, "one")
        with pytest.raises(APIConnectionError) as raised:
            await say(model, "two")
        found = raised.value
        sent = json.loads(found.request.content)
        caught.append([type(found), str(found), type(found.__cause__), sent, asked.requests])

    assert caught[0] == caught[1]
    assert [each[2]["x-stainless-retry-count"] for each in caught[0][4]] == ["0", "0", "1"]


async def test_of_two_at_once_each_has_its_own_outcome() -> None:
    asked = Asked(200, 500, 200)
    model = model_of(StrictChatOpenAI, asked, max_retries=0)
    await say(model, "one")

    outcomes = await asyncio.gather(say(model, "two"), say(model, "three"), return_exceptions=True)

    assert sorted(isinstance(each, APIStatusError) for each in outcomes) == [False, True]
    assert None in outcomes
    assert len(asked.requests) == 3


async def test_a_first_try_that_is_cancelled_is_not_tried_again() -> None:
    class Never(Asked):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = await super().handle_async_request(request)
            if len(self.requests) > 1:
                await anyio.sleep_forever()
            return answer

    asked = Never()
    model = model_of(StrictChatOpenAI, asked)
    await say(model, "one")

    with anyio.move_on_after(0.1) as scope:
        await say(model, "two")

    assert scope.cancelled_caught
    assert len(asked.requests) == 2


async def test_who_looks_at_requests_sees_each_body() -> None:
    seen: list[list[bytes]] = []
    for kind in (StrictChatOpenAI, LongWay):
        bodies: list[bytes] = []

        async def look(request: httpx2.Request, bodies: list[bytes] = bodies) -> None:
            bodies.append(request.content)

        client = DefaultAsyncHttpxClient(transport=Asked(), event_hooks={"request": [look]})
        await say(
            kind(model="m", api_key="k", base_url="http://x/v1", http_async_client=client), "one", "two"
        )
        seen.append(bodies)

    assert seen[0] == seen[1]
    assert len(seen[0]) == 2


async def test_a_request_under_way_holds_its_body_and_little_more() -> None:
    bodies: list[bytes] = []

    async def keep(request: httpx2.Request) -> None:
        bodies.append(request.content)

    client = DefaultAsyncHttpxClient(transport=Asked(), event_hooks={"request": [keep]})
    model = StrictChatOpenAI(model="m", api_key="k", base_url="http://x/v1", http_async_client=client)
    await say(model, "the first is built by the SDK")

    tracemalloc.start()
    try:
        await say(model, *["hello"] * 20)
        held = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, chat_client.__file__)])
    finally:
        tracemalloc.stop()

    assert sum(each.size for each in held.traces) < 1024 * len(bodies)  # of 75 bytes each


async def test_what_is_noted_on_a_request_is_not_on_the_next() -> None:
    noted: list[bool] = []

    async def note(request: httpx2.Request) -> None:
        noted.append("mark" in request.extensions)
        request.extensions["mark"] = True

    client = DefaultAsyncHttpxClient(transport=Asked(), event_hooks={"request": [note]})
    model = StrictChatOpenAI(model="m", api_key="k", base_url="http://x/v1", http_async_client=client)
    await say(model, "one", "two", "three")

    assert noted == [False, False, False]


async def test_a_second_request_that_is_sent_elsewhere_goes_there() -> None:
    asked = [Asked(200, 307), Asked(200, 307)]
    for kind, each in zip((StrictChatOpenAI, LongWay), asked, strict=True):
        await say(model_of(kind, each), "one", "two")

    assert asked[0].requests == asked[1].requests
    assert asked[0].requests[2][1] == "http://x/elsewhere"


async def test_a_key_that_is_asked_for_each_time_is_in_each_request() -> None:
    keys = iter(["k1", "k2", "k3"])

    async def key() -> str:
        return next(keys)

    asked = Asked()
    model = model_of(StrictChatOpenAI, asked)
    http = DefaultAsyncHttpxClient(transport=asked)
    model.root_async_client = AsyncOpenAI(api_key=key, base_url="http://x/v1", http_client=http)
    await say(model, "one", "two", "three")

    said = [each[2]["authorization"] for each in asked.requests]
    assert said == ["Bearer k1", "Bearer k2", "Bearer k3"]


async def test_who_wants_the_sdks_log_of_each_request_has_it(caplog: pytest.LogCaptureFixture) -> None:
    model = model_of(StrictChatOpenAI, Asked())
    await say(model, "one")

    with caplog.at_level(logging.DEBUG, "openai"):
        await say(model, "two")

    assert any("Sending HTTP Request" in each.message for each in caplog.records)


@pytest.mark.parametrize(
    "settings",
    [
        {"seed": 2**70},
        {"temperature": 0.7},
        {"extra_body": {"a": [1e22, None, (1, 2)]}},
        {"user": "\x7f\u2028"},
    ],
)
async def test_whatever_a_body_holds_is_sent_as_the_sdk_sends_it(settings: dict[str, Any]) -> None:
    asked = [Asked(), Asked()]
    for kind, each in zip((StrictChatOpenAI, LongWay), asked, strict=True):
        await say(model_of(kind, each), "one", "two", **settings)

    assert asked[0].requests == asked[1].requests


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": float("nan")},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"default": float("inf")}}}]},
        {"user": "\ud800"},
    ],
)
async def test_what_no_body_can_hold_is_refused_as_the_sdk_does(settings: dict[str, Any]) -> None:
    model = model_of(StrictChatOpenAI, Asked())
    await say(model, "one")

    with pytest.raises(ValueError, match=r"JSON compliant|surrogates"):
        await say(model, "two", **settings)


async def test_a_history_with_tool_calls_is_sent_as_the_sdk_sends_it() -> None:
    call = {"name": "f", "args": {"a": None}, "id": "c"}
    history = [HumanMessage("q"), AIMessage("", tool_calls=[call]), ToolMessage("null", tool_call_id="c")]
    asked = [Asked(), Asked()]
    for kind, each in zip((StrictChatOpenAI, LongWay), asked, strict=True):
        model = model_of(kind, each)
        await say(model, "one")
        async for _ in model._astream(history):
            pass

    assert asked[0].requests == asked[1].requests


async def test_a_refused_request_raises_the_sdks_error() -> None:
    model = model_of(StrictChatOpenAI, Asked(200, 401), max_retries=0)
    await say(model, "one")

    with pytest.raises(APIStatusError) as caught:
        await say(model, "two")

    assert caught.value.status_code == 401


async def test_a_request_with_options_of_its_own_is_built_in_the_sdks_way() -> None:
    asked = [Asked(), Asked()]
    for kind, each in zip((StrictChatOpenAI, LongWay), asked, strict=True):
        model = model_of(kind, each)
        await say(model, "one")
        await say(model, "two", extra_headers={"x-y": "z"}, timeout=3.0)
        await say(model, "three")

    assert asked[0].requests == asked[1].requests


async def test_a_client_that_is_no_plain_one_is_left_to_build_its_requests() -> None:
    asked = Asked()
    azure = AsyncAzureOpenAI(
        api_key="k",
        azure_endpoint="http://azure",
        api_version="1",
        http_client=DefaultAsyncHttpxClient(transport=asked),
    )
    completions = LeanCompletions(azure, chunk_timeout_s=None, model="m", direct=None)

    stream = await completions.create(model="m", messages=[], stream=True)

    assert [chunk async for chunk in stream]
    assert asked.requests[0][1] == "http://azure/openai/deployments/m/chat/completions?api-version=1"


async def test_the_chat_client_is_the_client_in_all_else() -> None:
    client = AsyncOpenAI(api_key="k", base_url="http://x/v1", http_client=DefaultAsyncHttpxClient())

    chat = ChatClient(client)

    assert chat.is_of(client)
    assert (chat.user_agent, chat.base_url, chat.max_retries) == (
        client.user_agent,
        client.base_url,
        client.max_retries,
    )
