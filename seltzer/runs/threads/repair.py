"""Makes a thread whole again whose last run was stopped, crashed or failed.

A stopped tool's call has no result in the thread, and providers refuse every turn after it.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import takewhile
from typing import Any, Final, cast

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, InvalidToolCall, ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import BinaryOperatorAggregate
from langgraph.graph import END, add_messages
from langgraph.pregel import NodeBuilder

from seltzer.runs.graph import AnyPregel

NO_RESULT: Final = "This call has no result: the run was stopped before the tool had answered."
MESSAGES: Final = "messages"
_WRITER: Final = "__seltzer_repair"
_FORMATTING = cast(Any, add_messages)(format="langchain-openai")  # with options alone, it returns a partial
_REDUCERS: Final = (add_messages, _FORMATTING.func)


async def repair(pregel: AnyPregel, config: RunnableConfig, answer: AIMessage | None = None) -> None:
    """Add to the thread what its stopped run lacks, so that a plain new input works.

    What the stopped step's finished nodes have returned is kept, the others are dropped; calls without a
    result get an error result; answer, an unfinished one, is last, unless the thread has it.
    Writes nothing if nothing is missing. Not for a run that waits for a person: its question would be lost.

    The checkpoints belong to the run that config's metadata names. None of the graph's nodes and edges is
    run, but its state's reducers are; what they and the checkpointer raise is raised. A graph whose messages
    aren't merged by add_messages isn't repaired, nor are the threads that a subgraph keeps of its own.
    """
    if not _merges_messages(pregel):
        return
    state = await pregel.aget_state(config)  # with what finished nodes have returned
    messages = _messages(state.values)
    missing: list[BaseMessage] = [*unanswered_calls(messages)]
    if answer is not None and not _is_there(answer, messages):
        missing.append(answer)
    has_finished_nodes = len(state.next) < len(state.tasks)
    if not (missing or has_finished_nodes):
        return
    # LangGraph's way to end a step with those of its nodes that have finished. One bulk update with the
    # messages won't do: its later steps lose the config's metadata.
    await pregel.aupdate_state(config, None, as_node=END)
    if missing:
        await _with_writer(pregel).aupdate_state(config, {MESSAGES: missing}, as_node=_WRITER)


def unanswered_calls(messages: Sequence[AnyMessage]) -> list[ToolMessage]:
    """Return an error result for each call of the last AI message that lacks one, in the order of the calls.

    They are to be appended: there are none if other messages than results follow the calls.
    """
    results = list(takewhile(lambda message: isinstance(message, ToolMessage), reversed(messages)))
    caller = messages[-len(results) - 1] if len(results) < len(messages) else None
    if not isinstance(caller, AIMessage):
        return []
    calls: list[ToolCall | InvalidToolCall] = [*caller.tool_calls, *caller.invalid_tool_calls]
    answered = {message.tool_call_id for message in results if isinstance(message, ToolMessage)}
    return [
        ToolMessage(NO_RESULT, name=call["name"], tool_call_id=call["id"], status="error")
        for call in calls
        if call["id"] and call["id"] not in answered
    ]


def _merges_messages(pregel: AnyPregel) -> bool:
    channel = pregel.channels.get(MESSAGES)
    if not isinstance(channel, BinaryOperatorAggregate):
        return False
    reducer = channel.operator
    return (reducer.func if isinstance(reducer, partial) else reducer) in _REDUCERS


def _messages(values: Any) -> list[AnyMessage]:
    return list(values.get(MESSAGES, ())) if isinstance(values, Mapping) else []


def _is_there(answer: AIMessage, messages: Sequence[AnyMessage]) -> bool:
    """Return whether the node that streamed the answer had returned it after all, even under another id."""
    if any(message.id == answer.id for message in messages):
        return True
    last = messages[-1] if messages else None
    return isinstance(last, AIMessage) and last.text.startswith(answer.text)


def _with_writer(pregel: AnyPregel) -> AnyPregel:
    """Return the graph with one more node, which nothing triggers and no edge leaves; it writes messages.

    Written in the name of one of the graph's nodes, they would run its conditional edges.
    """
    writer = NodeBuilder().write_to(messages=lambda update: update[MESSAGES]).build()
    return pregel.copy({"nodes": {**pregel.nodes, _WRITER: writer}})
