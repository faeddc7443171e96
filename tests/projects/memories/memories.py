"""Graphs that do with the shared store what they are asked to, in a plain node and in an async one."""

from __future__ import annotations

from typing import Any

from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from typing_extensions import TypedDict


class Asked(TypedDict):
    verb: str
    arguments: list[Any]
    options: dict[str, Any]
    result: Any


def embed(texts: list[str]) -> list[list[float]]:
    return [[float("tea" in text), float("rain" in text)] for text in texts]


def arguments_of(asked: Asked) -> tuple[list[Any], dict[str, Any]]:
    """Return them with what JSON can't express: a value with a set in it, or one that is very deep."""
    arguments = [tuple(each) if isinstance(each, list) else each for each in asked["arguments"]]
    if arguments[-1:] == [{"strange": "set"}]:
        arguments[-1] = {"strange": {1, 2}}
    if arguments[-1:] == [{"strange": "deep"}]:
        for _ in range(1000):
            arguments[-1] = {"in": arguments[-1]}
    return arguments, asked.get("options") or {}


def shown(found: Any) -> Any:
    if isinstance(found, list):
        return [shown(each) for each in found]
    return list(found) if isinstance(found, tuple) else found and [found.key, found.value]


def do(asked: Asked) -> dict[str, Any]:
    arguments, options = arguments_of(asked)
    return {"result": shown(getattr(get_store(), asked["verb"])(*arguments, **options))}


async def ado(asked: Asked, *, store: BaseStore) -> dict[str, Any]:
    arguments, options = arguments_of(asked)
    return {"result": shown(await getattr(store, f"a{asked['verb']}")(*arguments, **options))}


plain = StateGraph(Asked).add_node("do", do).add_edge(START, "do").compile()
awaiting = StateGraph(Asked).add_node("do", ado).add_edge(START, "do").compile()
