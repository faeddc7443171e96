"""A chat's request that is built from the one before is the one that the SDK builds."""

import json
from typing import Any

import httpx2
import pytest
from langchain_core.messages import HumanMessage
from openai import APIStatusError, AsyncAzureOpenAI, AsyncOpenAI, DefaultAsyncHttpxClient

from graphs.models.asking import ChatClient
from graphs.models.lean import LeanCompletions
from graphs.models.openai import StrictChatOpenAI
from tests.graphs.dialects import STREAMS

pytestmark = pytest.mark.anyio

OF_THE_WAY = {"x-stainless-raw-response", "x-stainless-async", "x-stainless-read-timeout"}


class Asked(httpx2.AsyncBaseTransport):
    """Writes down what it is asked, and answers with these statuses, then 200."""

    def __init__(self, *statuses: int) -> None:
        self.requests: list[list[Any]] = []
        self._statuses = list(statuses)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name not in OF_THE_WAY}
        limits = request.extensions.get("timeout")
        body = json.loads(await request.aread())
        self.requests.append([request.method, str(request.url), headers, limits, body])
        status = self._statuses.pop(0) if self._statuses else 200
        headers = {"set-cookie": "seen=1", "retry-after-ms": "1"}
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
