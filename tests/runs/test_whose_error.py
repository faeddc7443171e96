"""Whose error it is: it is the model's only if a model call raised it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from seltzer.runs.failure import classify
from tests.runs.conftest import Engines
from tests.runs.scenario import run_spec, run_to_end
from tests.runs.scripted import agent, call


def class_of(name: str, module: str) -> type[Exception]:
    return type(name, (Exception,), {"__module__": module})


class Throttled(Exception):
    status_code = 429


def raising(kind: type[Exception]) -> Callable[[], Any]:
    def fail() -> None:
        raise kind("the warehouse is gone")

    return fail


FAILURES: dict[str, tuple[Callable[[], Any], str]] = {  # and the code where a model's client does so
    "aiohttp": (raising(class_of("ClientError", "aiohttp.client_exceptions")), "upstream_disconnected"),
    "httpx": (raising(httpx.ConnectError), "upstream_disconnected"),
    "httpx, slow": (raising(httpx.ReadTimeout), "upstream_timeout"),
    "not JSON": (lambda: httpx.Response(200, text="<html>").json(), "upstream_malformed"),
    "a status": (raising(Throttled), "upstream_rate_limited"),
    "another SDK's": (raising(class_of("APIConnectionError", "stripe")), "upstream_disconnected"),
    "ValueError": (raising(ValueError), "graph_error"),
    "bad JSON": (lambda: json.loads("{"), "graph_error"),
    "TimeoutError": (raising(TimeoutError), "graph_error"),
    "ConnectionError": (raising(ConnectionResetError), "graph_error"),
}


class Model(BaseChatModel):
    """A model whose client fails in mid-answer, or calls a tool as it answers."""

    fail: Any

    @property
    def _llm_type(self) -> str:
        return "failing"

    def _generate(self, messages: list[BaseMessage], *args: Any, **options: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(self, messages: list[BaseMessage], *args: Any, **options: Any) -> Iterator[Any]:
        yield ChatGenerationChunk(message=AIMessageChunk(content="one "))
        self.fail()


def in_tool(fail: Callable[[], Any]) -> Callable[[], Any]:
    @tool
    def look(place: str) -> str:
        """Look there."""
        fail()
        return place

    return lambda: look.invoke({"place": "there"})


def in_node(fail: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: RunnableLambda(lambda _: fail()).invoke("x")


def in_model(fail: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: list(Model(fail=fail).stream("hi"))


def raised(fail: Callable[[], Any]) -> BaseException:
    try:
        fail()
    except Exception as error:  # noqa: BLE001  # whatever it is
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("name", FAILURES)
def test_an_error_of_a_tool_or_a_node_is_never_the_models(name: str) -> None:
    fail, _ = FAILURES[name]

    for way in (in_tool(fail), in_node(fail), in_model(in_tool(fail))):
        failed = classify(raised(way))

        assert (failed.code, failed.retryable) == ("graph_error", False)


@pytest.mark.parametrize("name", FAILURES)
def test_an_error_of_a_models_client_is_the_models_wherever_it_is_called(name: str) -> None:
    fail, code = FAILURES[name]

    for way in (in_model(fail), in_tool(in_model(fail)), in_node(in_model(fail))):
        assert classify(raised(way)).code == code


@pytest.mark.anyio
@pytest.mark.parametrize("name", FAILURES)
async def test_a_run_whose_tool_fails_has_that_reason(engine_of: Engines, name: str) -> None:
    fail, _ = FAILURES[name]

    @tool
    async def double(x: int) -> str:
        """Double it."""
        fail()
        return ""

    engine = await engine_of(agent([call("double", '{"x": 1}')], tools=[double]))

    last = (await run_to_end(engine, run_spec()))[-1]

    assert (last.kind, last.data["code"], last.data["retryable"]) == ("failed", "graph_error", False)
