"""Python's RemoteRunnable in every method and form; see tests/protocols/langserve for LangServe's traps."""

from __future__ import annotations

import itertools
import json
import uuid
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest
from langchain_core._api import LangChainDeprecationWarning
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers.log_stream import RunLogPatch
from langserve import RemoteRunnable
from langserve.lzstring import LZString

from tests.serving import Served

QUESTION = "2+2?"
ANSWER = "2+2 is 4."
Remote = RemoteRunnable[Any, Any]
# Its finalizer starts a thread and waits for it: collected in a server's thread, it would stop the server.
_KEPT: list[Remote] = []


def remote(url: str) -> Remote:
    made = RemoteRunnable[Any, Any](url)
    _KEPT.append(made)
    return made


@pytest.fixture
def agent(server: Served) -> Iterator[Remote]:
    made = remote(f"{server.url}/agent")
    yield made
    made.sync_client.close()


def run(url: str, call: Callable[[Remote], Awaitable[Any]]) -> Any:
    """Call an async method in a loop of its own: the client's connections are its loop's."""

    async def made_and_closed() -> Any:
        made = remote(url)
        try:
            return await call(made)
        finally:
            await made.async_client.aclose()

    return anyio.run(made_and_closed)


def thread() -> RunnableConfig:
    return RunnableConfig(configurable={"thread_id": uuid.uuid4().hex})


INPUTS = [
    QUESTION,
    [QUESTION],
    [HumanMessage(QUESTION)],
    [("user", QUESTION)],
    {"messages": QUESTION},
    {"messages": [HumanMessage(QUESTION)]},
    {"messages": [SystemMessage("be short"), HumanMessage("hi"), AIMessage("hello"), HumanMessage(QUESTION)]},
    PromptTemplate.from_template("{sum}?").invoke({"sum": "2+2"}),
    ChatPromptTemplate.from_messages([("user", "{sum}?")]).invoke({"sum": "2+2"}),
]


@pytest.mark.parametrize("value", INPUTS, ids=lambda value: type(value).__name__)
def test_every_spelling_of_an_input_is_accepted(agent: Remote, value: Any) -> None:
    assert agent.invoke(value) == ANSWER
    assert "".join(agent.stream(value)) == ANSWER
    assert agent.batch([value, value]) == [ANSWER, ANSWER]


@pytest.mark.parametrize(
    "prompt",
    [PromptTemplate.from_template("{sum}?"), ChatPromptTemplate.from_messages([("user", "{sum}?")])],
    ids=["text", "chat"],
)
def test_it_is_part_of_a_chain(agent: Remote, prompt: Any) -> None:
    chain = prompt | agent | str.upper

    assert chain.invoke({"sum": "2+2"}) == ANSWER.upper()
    assert chain.batch([{"sum": "2+2"}]) == [ANSWER.upper()]
    assert "".join((prompt | agent).stream({"sum": "2+2"})) == ANSWER
    assert run(agent.url, lambda made: (prompt | made).ainvoke({"sum": "2+2"})) == ANSWER


class TestBatch:
    def test_of_none_is_none(self, agent: Remote) -> None:
        assert agent.batch([]) == []
        assert run(agent.url, lambda made: made.abatch([])) == []

    def test_each_input_has_its_config(self, agent: Remote) -> None:
        ada, bob = thread(), thread()
        configs: Any = [ada, bob]  # a list, which LangServe's annotation lacks
        agent.batch(["my name is Ada", "my name is Bob"], configs)

        answers = run(agent.url, lambda made: made.abatch(2 * ["what is my name?"], configs[::-1]))

        assert ["Bob" in answers[0], "Ada" in answers[1]] == [True, True]

    def test_one_config_is_everyones(self, agent: Remote) -> None:
        config = RunnableConfig(tags=["t"], metadata={"a": 1}, run_name="mine", recursion_limit=20)

        assert agent.batch([QUESTION, "6*7"], config) == [ANSWER, "6*7 is 42."]
        assert agent.batch([QUESTION], config={"max_concurrency": 1}) == [ANSWER]

    def test_exceptions_may_be_asked_for_where_there_are_none(self, agent: Remote) -> None:
        assert agent.batch([QUESTION], return_exceptions=True) == [ANSWER]
        assert run(agent.url, lambda made: made.abatch([QUESTION], return_exceptions=True)) == [ANSWER]

    def test_as_completed_answers_each(self, agent: Remote) -> None:
        assert dict(agent.batch_as_completed([QUESTION, "6*7"])) == {0: ANSWER, 1: "6*7 is 42."}

    def test_a_shared_links_thread_is_kept(self, server: Served) -> None:
        named = json.dumps(thread())
        hashed = LZString.compressToEncodedURIComponent(named)  # type: ignore[no-untyped-call]
        linked = f"{server.url}/agent/c/{hashed}"
        run(linked, lambda made: made.ainvoke("my name is Ada"))

        (answer,) = run(linked, lambda made: made.abatch(["what is my name?"]))

        assert "Ada" in answer


@pytest.mark.anyio
class TestAsync:
    async def test_each_method_answers(self, server: Served) -> None:
        agent, config = remote(f"{server.url}/agent"), thread()

        assert await agent.ainvoke(QUESTION, config) == ANSWER
        assert "".join([token async for token in agent.astream(QUESTION, config)]) == ANSWER
        assert await agent.abatch([QUESTION]) == [ANSWER]
        assert "".join([token async for token in agent.atransform(_once(QUESTION))]) == ANSWER
        await agent.async_client.aclose()

    @pytest.mark.parametrize("asked", [{}, {"diff": True}])
    async def test_a_log_is_patches(self, server: Served, asked: dict[str, bool]) -> None:
        patches = await self.log(server, **asked)

        log = patches[0] + RunLogPatch()
        for patch in patches[1:]:
            log += patch
        assert log.state["final_output"] == ANSWER
        assert "calculator" in log.state["logs"]

    async def test_without_diff_each_item_is_the_complete_log(self, server: Served) -> None:
        items = await self.log(server, diff=False)

        logs = [(RunLogPatch() + item).state for item in items]
        outputs = [log["streamed_output"] for log in logs]
        assert "".join(outputs[-1]) == logs[-1]["final_output"] == ANSWER
        assert all(late[: len(early)] == early for early, late in itertools.pairwise(outputs))

    async def test_a_log_has_only_what_is_asked_for(self, server: Served) -> None:
        patches = await self.log(server, include_types=["tool"], exclude_names=["nothing"])

        paths = {op["path"].split("/")[2] for patch in patches for op in patch.ops if "/logs/" in op["path"]}
        assert paths == {"calculator"}

    @pytest.mark.parametrize("version", [None, "v1", "v2"])
    async def test_events_show_the_inner_run(self, server: Served, version: Any) -> None:
        events = await self.events(server, version=version)

        assert {"on_chain_start", "on_chat_model_stream", "on_tool_end", "on_chain_end"} <= _kinds(events)
        chunks = [each for each in events if each["event"] == "on_chain_stream" and not each["parent_ids"]]
        assert ANSWER in "".join(str(each["data"]["chunk"]) for each in chunks)

    @pytest.mark.parametrize(
        ("filters", "names"),
        [
            ({"include_types": ["tool"]}, {"calculator"}),
            ({"include_names": ["calculator"]}, {"calculator"}),
            ({"include_tags": ["nobody's"]}, set()),
        ],
    )
    async def test_events_are_only_those_asked_for(
        self, server: Served, filters: dict[str, Any], names: set[str]
    ) -> None:
        events = await self.events(server, version="v2", **filters)

        assert {each["name"] for each in events} == names

    async def test_events_are_without_those_excluded(self, server: Served) -> None:
        filters: dict[str, Any] = {"exclude_types": ["chat_model"], "exclude_names": ["calculator"]}

        events = await self.events(server, version="v2", **filters)

        assert _kinds(events) == {"on_chain_start", "on_chain_stream", "on_chain_end"}

    async def events(self, server: Served, **asked: Any) -> list[Any]:
        agent = remote(f"{server.url}/agent")
        events = [each async for each in agent.astream_events(QUESTION, **asked)]
        await agent.async_client.aclose()
        return events

    async def log(self, server: Served, **asked: Any) -> list[RunLogPatch]:
        agent = remote(f"{server.url}/agent")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LangChainDeprecationWarning)
            patches = [each async for each in agent.astream_log(QUESTION, **asked)]
        await agent.async_client.aclose()
        return patches


@pytest.mark.parametrize("method", ["invoke", "batch", "stream"])
def test_a_refusal_is_raised_with_what_is_wrong(agent: Remote, method: str) -> None:
    value = [5] if method == "batch" else 5

    with pytest.raises(httpx.HTTPStatusError) as caught:
        list(getattr(agent, method)(value))

    assert caught.value.response.status_code == 422


async def _once(value: Any) -> Any:
    yield value


def _kinds(events: list[Any]) -> set[str]:
    return {each["event"] for each in events}
