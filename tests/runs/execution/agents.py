"""Agents as `create_agent` makes them, for shapes.py: structured answers, middleware, tools of all kinds."""

from collections.abc import Callable
from typing import Any, cast

import langchain_openai  # noqa: F401  # create_agent imports it when it runs, which would block
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, SummarizationMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import PydanticOutputParser
from langchain_core.tools import tool
from pydantic import BaseModel

from seltzer.runs.graph import AnyPregel
from tests.runs.execution.answers import M, State, World, calls, chain, note, says


class Contact(BaseModel):
    """A contact."""

    name: str


def made(model: M, *tools: Any, **options: Any) -> AnyPregel:
    return cast(AnyPregel, create_agent(model, [*tools], **options))


def with_tools(world: World) -> AnyPregel:
    return made(M([calls("note")], world.answer), note)


def with_tool_strategy(world: World) -> AnyPregel:
    model = M([calls("note")], [calls("Contact", '{"name": "Ada"}', "c2")])
    return made(model, note, response_format=ToolStrategy(Contact))


def with_provider_strategy(world: World) -> AnyPregel:
    return made(M([calls("note")], '{"name": "Ada"}'), note, response_format=ProviderStrategy(Contact))


def with_summarization(world: World) -> AnyPregel:
    summarization = SummarizationMiddleware(
        M("They talked."),
        trigger=("messages", 1),
        keep=("messages", 1),
        token_counter=lambda messages: len([*messages]),
    )
    return made(M([calls("note")], world.answer), note, middleware=[summarization])


class Judging(AgentMiddleware[Any, Any]):
    """Calls a model of its own after the agent's, and before the agent begins."""

    def __init__(self) -> None:
        super().__init__()
        self.judge = M("fine")

    async def abefore_agent(self, state: Any, runtime: Any) -> None:
        await self.judge.ainvoke("?")

    async def aafter_model(self, state: Any, runtime: Any) -> None:
        await self.judge.ainvoke("?")


def with_a_judge(world: World) -> AnyPregel:
    return made(M([calls("note")], world.answer), note, middleware=[Judging()])


def with_a_direct_tool(world: World) -> AnyPregel:
    @tool(return_direct=True)
    def look_up() -> str:
        """Look it up."""
        return "The answer is here."

    return made(M(["Let me look.", calls("look_up")]), look_up)


def with_a_sub_agent(world: World) -> AnyPregel:
    inner = made(M([calls("note")], "SECRET NOTES"), note)

    @tool
    async def research() -> str:
        """Research."""
        return str((await inner.ainvoke({"messages": [HumanMessage("?")]}))["messages"][-1].text)

    return made(M([calls("research")], world.answer), research)


def with_a_sync_sub_agent(world: World) -> AnyPregel:
    inner = made(M("SECRET NOTES"))

    @tool
    def research() -> str:
        """Research."""
        return str(inner.invoke({"messages": [HumanMessage("?")]})["messages"][-1].text)

    return made(M([calls("research")], world.answer), research)


def with_retries(world: World) -> AnyPregel:
    model: Any = M(["The answer is", ConnectionError()], world.answer).with_retry(
        wait_exponential_jitter=False
    )
    return chain(("say", says(model))).compile()


def with_structured_output(sorter: Any) -> Callable[[World], AnyPregel]:
    """Return a graph that sorts by structured output, then answers; sorter makes the sorting model."""

    def make(world: World) -> AnyPregel:
        model = sorter()

        async def sort(state: State) -> Any:
            return {"category": (await model.ainvoke(state["messages"])).name}

        return chain(("sort", sort), ("write", says(M(world.answer)))).compile()

    return make


def sorting_by_a_tool() -> Any:
    return M([calls("Contact", '{"name": "Ada"}')]).with_structured_output(Contact)


def sorting_by_text() -> Any:
    """Return what json_schema and json_mode are: the model's text is JSON, which is parsed."""
    return M('{"name": "Ada"}') | PydanticOutputParser(pydantic_object=Contact)


def agent_as_a_node(world: World) -> AnyPregel:
    return chain(("prepare", lambda state: {}), ("agent", with_tools(world))).compile()


def agents_in_nodes(world: World) -> AnyPregel:
    """A supervisor made by hand: an expert's words are returned under its own name."""
    expert = made(M([calls("note")], "My findings."), note, name="expert")

    async def ask(state: State) -> Any:
        found = await expert.ainvoke({"messages": state["messages"]})
        return {"messages": [AIMessage(str(found["messages"][-1].text), name="expert")]}

    return chain(("ask", ask), ("answer", says(M(world.answer)))).compile()
