"""Whose error it is: it is the model's only if a model call raised it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
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


class Refused(Exception):
    status = 403


def response_of(status: int) -> type[Exception]:
    """Return a class of errors with a response, as httpx and requests have them."""
    return type("HTTPError", (Exception,), {"response": SimpleNamespace(status_code=status, headers={})})


def aws_error(code: str, status: int) -> type[Exception]:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}}}
    return type("ClientError", (Exception,), {"__module__": "botocore.exceptions", "response": response})


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
    "bad JSON": (lambda: json.loads("{"), "upstream_malformed"),
    "not UTF-8": (lambda: b"\xff".decode(), "upstream_malformed"),
    "TimeoutError": (raising(TimeoutError), "upstream_timeout"),
    "ConnectionError": (raising(ConnectionResetError), "upstream_disconnected"),
    "a status as aiohttp has it": (raising(Refused), "upstream_auth"),
    "a response's status": (raising(response_of(404)), "model_not_found"),
    "botocore's": (raising(aws_error("ThrottlingException", 429)), "upstream_rate_limited"),
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


def wrapped(fail: Callable[[], Any], *, explicitly: bool = True) -> Callable[[], Any]:
    """Return what fails with an error of its own, whose cause or context is the other's."""

    def fail_so() -> None:
        try:
            fail()
        except Exception as error:
            if explicitly:
                raise RuntimeError("it failed") from error
            raise RuntimeError("it failed, too")  # noqa: B904  # what it was amid stays its context

    return fail_so


@pytest.mark.parametrize("name", FAILURES)
def test_an_error_around_a_models_has_its_reason(name: str) -> None:
    fail, code = FAILURES[name]

    ways = (
        in_node(wrapped(in_model(fail))),
        in_model(wrapped(fail)),
        in_model(wrapped(fail, explicitly=False)),
    )
    for way in ways:
        assert classify(raised(way)).code == code


@pytest.mark.parametrize("name", FAILURES)
def test_an_error_around_a_tools_or_a_nodes_is_never_the_models(name: str) -> None:
    fail, _ = FAILURES[name]

    for way in (
        in_tool(wrapped(fail)),
        in_node(wrapped(fail)),
        wrapped(in_tool(fail)),
        wrapped(in_node(fail)),
    ):
        assert classify(raised(way)).code == "graph_error"


def test_an_error_raised_after_a_models_was_handled_is_the_graphs() -> None:
    fail, _ = FAILURES["a status"]

    assert classify(raised(in_node(wrapped(in_model(fail), explicitly=False)))).code == "graph_error"


def test_an_error_that_is_its_own_cause_has_an_end() -> None:
    error = ValueError("round and round")
    error.__cause__ = error

    assert classify(error).code == "graph_error"


@pytest.mark.anyio
async def test_parallel_tasks_that_fail_alike_have_that_reason() -> None:
    async def fail_of(name: str) -> None:
        in_model(FAILURES[name][0])()

    async def together(*names: str) -> BaseException:
        try:
            async with asyncio.TaskGroup() as tasks:
                for name in names:
                    tasks.create_task(fail_of(name))
        except BaseExceptionGroup as group:
            return group
        raise AssertionError("nothing was raised")

    assert classify(await together("a status", "a status")).code == "upstream_rate_limited"
    assert classify(await together("a status", "ValueError")).code == "graph_error"


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
