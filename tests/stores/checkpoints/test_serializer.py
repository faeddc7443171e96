"""In a message, what LangGraph's serializer refuses is stored as the nearest JSON."""

from decimal import Decimal
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage

from seltzer.stores.checkpoints.serializer import SafeSerializer


class Odd:
    """A type that no serializer can store."""


def stored(value: Any) -> Any:
    serializer = SafeSerializer()
    return serializer.loads_typed(serializer.dumps_typed(value))


def test_a_storable_state_stays_as_it_is() -> None:
    state = {"messages": [HumanMessage("hi", id="1")], "n": 1, "amount": Decimal("1.5"), "raw": b"x"}

    assert stored(state) == state


def test_only_the_unstorable_part_of_a_message_is_replaced() -> None:
    message = ToolMessage("odd", tool_call_id="c", id="1", artifact={"odd": Odd(), "plain": Decimal("1.5")})

    found = stored({"messages": [HumanMessage("hi", id="0"), message]})

    assert found["messages"][0] == HumanMessage("hi", id="0")
    assert found["messages"][1].artifact == {"odd": "<Odd>", "plain": Decimal("1.5")}


def _holding_itself() -> list[Any]:
    held: list[Any] = []
    held.append(held)
    return held


@pytest.mark.parametrize("odd", [2**70, _holding_itself(), {"\ud800": Odd()}, {Odd(): 1}, "\ud800"])
def test_an_artifact_can_be_anything(odd: Any) -> None:
    stored({"messages": [ToolMessage("odd", tool_call_id="c", artifact=odd)]})
