"""Calls whose ids or names repeat or are missing: of these too, those that aren't whole are left out."""

from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.messages.utils import message_chunk_to_message
from langchain_core.outputs import ChatGeneration, LLMResult

from seltzer.runs.execution.driver.whole_answers import WholeAnswers


def checked(arguments: list[str], ids: list[str | None], *, changed: bool = False) -> AIMessage:
    """Return the message of such calls as a run's graph gets it."""
    answers, run_id = WholeAnswers(), uuid4()
    pieces = [
        tool_call_chunk(name="note", args=args, id=call_id, index=n)
        for n, (args, call_id) in enumerate(zip(arguments, ids, strict=True))
    ]
    message = message_chunk_to_message(AIMessageChunk(content="", tool_call_chunks=pieces))
    assert type(message) is AIMessage
    for call in message.tool_calls if changed else ():
        call["args"] = {**call["args"], "added": True}
    answers.note(run_id, pieces)
    answers.end(run_id, LLMResult(generations=[[ChatGeneration(message=message)]]))
    return message


@pytest.mark.parametrize("ids", [["c", "d"], ["c", "c"], [None, None], ["", ""]])
@pytest.mark.parametrize("changed", [False, True], ids=["as read", "changed by the package"])
@pytest.mark.parametrize(
    ("arguments", "whole"),
    [
        (['{"a": 6}', '{"a": 7,'], [6]),
        (['{"a": 7,', '{"a": 6}'], [6]),
        (['{"a": 6}', '{"a": 6,'], [6]),
        (['{"a": 7,', '{"a": 8,'], []),
        (['{"a": 7,', '{"a": 7,'], []),
        (["[7]", '{"a": 6}'], [6]),
        (['{"a": 6}', '{"a": 6}'], [6, 6]),
    ],
)
def test_the_call_that_is_not_whole_is_left_out(
    arguments: list[str], ids: list[str | None], changed: bool, whole: list[int]
) -> None:
    message = checked(arguments, ids, changed=changed)

    assert [call["args"]["a"] for call in message.tool_calls] == whole
    assert len(message.invalid_tool_calls) == 2 - len(whole)


def test_of_three_such_calls_the_middle_one_is_left_out() -> None:
    message = checked(['{"a": 1}', '{"a": 2,', '{"a": 3}'], [None, None, None])

    assert [call["args"] for call in message.tool_calls] == [{"a": 1}, {"a": 3}]
    assert [call["args"] for call in message.invalid_tool_calls] == ['{"a": 2,']
