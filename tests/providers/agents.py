"""Graphs as people write them, around their providers' own models, untouched."""

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import BaseModel

from seltzer.runs.graph import AnyPregel
from tests.patience import PATIENCE_S
from tests.providers.fake import FakeProviders

FAKE = FakeProviders()
CLASSES = {
    "openai": ("langchain_openai", "ChatOpenAI"),
    "azure": ("langchain_openai", "AzureChatOpenAI"),
    "litellm": ("langchain_openai", "ChatOpenAI"),
    "responses": ("langchain_openai", "ChatOpenAI"),
    "anthropic": ("langchain_anthropic", "ChatAnthropic"),
    "gemini": ("langchain_google_genai", "ChatGoogleGenerativeAI"),
    "ollama": ("langchain_ollama", "ChatOllama"),
    "mistral": ("langchain_mistralai", "ChatMistralAI"),
    "bedrock": ("langchain_aws", "ChatBedrockConverse"),
}
INSTALLED = [name for name, (package, _) in CLASSES.items() if find_spec(package)]
TIMEOUT_S = 1
Made = Callable[[str], BaseChatModel]
RAN: list[Any] = []  # what the tool was run with


@tool
def double(a: Any, note: str = "") -> str:
    """Double a number; with `half` the result has half a character in it."""
    RAN.append((a, note))
    return str(2 * a) + ("\ud83d" if note == "half" else "")


@cache
def model(provider: str, timeout_s: float | None = PATIENCE_S) -> BaseChatModel:
    """Return the provider's own model, with no options but its address and patience."""
    package, name = CLASSES[provider]
    options = _options(provider, FAKE.url(provider), timeout_s)
    made: BaseChatModel = getattr(import_module(package), name)(**options)
    return made


def hurried(provider: str) -> BaseChatModel:
    """Return it with a short timeout."""
    return model(provider, TIMEOUT_S)


def patient(provider: str) -> BaseChatModel:
    """Return it without a timeout."""
    return model(provider, None)


class Form(BaseModel):
    """A form of an answer."""

    a: Any


def _options(provider: str, url: str, timeout_s: float | None) -> dict[str, Any]:
    common = {"model": "a-model", "base_url": url, "api_key": "k", "timeout": timeout_s, "max_retries": 0}
    if provider == "azure":
        own = {"azure_endpoint": url, "azure_deployment": "a-model", "api_version": "2024-10-21"}
        return {**common, "base_url": None, **own}
    if provider == "responses":
        return {**common, "use_responses_api": True}
    if provider == "gemini":
        return {**common, "max_retries": 1, "include_thoughts": True}
    if provider == "ollama":
        return {
            "model": "a-model",
            "base_url": url,
            "client_kwargs": {"timeout": timeout_s},
            "reasoning": True,
        }
    if provider == "mistral":
        return {**common, "max_retries": 1}
    if provider == "bedrock":
        waits: dict[str, Any] = {"read_timeout": timeout_s} if timeout_s else {}
        config = import_module("botocore.config").Config(**waits, retries={"total_max_attempts": 1})
        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "k", "region_name": "us-east-1"}
        return {
            "model": "anthropic.claude",
            "disable_streaming": False,
            "base_url": url,
            "config": config,
            **keys,
        }
    return common


def ready_made(provider: str, made: Made = model) -> AnyPregel:
    """Return LangChain's own agent."""
    return create_agent(made(provider), [double])


def hand_made(provider: str, made: Made = model) -> AnyPregel:
    """Return the agent of LangGraph's quick start; its nodes are plain functions."""
    with_tools = made(provider).bind_tools([double])

    def call(state: MessagesState) -> dict[str, list[Any]]:
        return {"messages": [with_tools.invoke(state["messages"])]}

    return _looped(call)


class AnswerInvalidCalls(AgentMiddleware):
    """Has the model try again that has made no call that can be run, as docs/reference/models.md has it."""

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        last = state["messages"][-1]
        if last.tool_calls or not last.invalid_tool_calls:
            return None
        errors = [
            ToolMessage(call["error"] or "invalid", tool_call_id=call["id"], status="error")
            for call in last.invalid_tool_calls
        ]
        return {"messages": errors, "jump_to": "model"}


def forgiving(provider: str) -> AnyPregel:
    """Return LangChain's own agent that answers invalid calls."""
    return create_agent(model(provider), [double], middleware=[AnswerInvalidCalls()])


def streaming(provider: str) -> AnyPregel:
    """Return an agent whose node reads its model's stream by itself."""
    with_tools = model(provider).bind_tools([double])

    async def call(state: MessagesState) -> dict[str, list[Any]]:
        whole: Any = None
        async for chunk in with_tools.astream(state["messages"]):
            whole = chunk if whole is None else whole + chunk
        return {"messages": [whole]}

    return _looped(call)


def fallen_back(provider: str) -> AnyPregel:
    """Return a graph whose model has another one to fall back to."""
    other = _Whole()
    chosen = model(provider).with_fallbacks([other])

    async def call(state: MessagesState) -> dict[str, list[Any]]:
        return {"messages": [await chosen.ainvoke(state["messages"])]}

    return StateGraph(MessagesState).add_node("call", call).add_edge(START, "call").compile()


def formed(provider: str) -> AnyPregel:
    """Return a graph whose model answers in a form, by the package's default method."""
    asked = model(provider).with_structured_output(Form)

    async def call(state: MessagesState) -> dict[str, list[Any]]:
        found: Any = await asked.ainvoke(state["messages"])
        return {"messages": [AIMessage(f"It is {found.a}.")]}

    return StateGraph(MessagesState).add_node("call", call).add_edge(START, "call").compile()


def _looped(call: Any) -> AnyPregel:
    builder = StateGraph(MessagesState).add_node("call", call).add_node("tools", ToolNode([double]))
    builder.add_edge(START, "call").add_conditional_edges("call", tools_condition).add_edge("tools", "call")
    return builder.compile()


class _Whole(BaseChatModel):
    """A custom model, which names no finish reason at all."""

    @property
    def _llm_type(self) -> str:
        return "whole"

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("the other one"))])


KINDS: dict[str, Callable[[str], AnyPregel]] = {
    "agent": ready_made,
    "loop": hand_made,
    "stream": streaming,
    "fallback": fallen_back,
    "form": formed,
    "hurried": partial(ready_made, made=hurried),
    "forgiving": forgiving,
}


WAITING: dict[str, Callable[[str], AnyPregel]] = {
    "waiting": partial(ready_made, made=patient),
    "blocked": partial(hand_made, made=patient),
}


def made(name: str) -> AnyPregel:
    """Return the graph that is served under the name."""
    provider, _, kind = name.partition("-")
    return {**KINDS, **WAITING}[kind](provider)
