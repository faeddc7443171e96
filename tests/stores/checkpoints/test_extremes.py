"""What is stored in each store alike, though one of them has text that refuses it, or is slow with much."""

from typing import Any, Final

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from typing_extensions import TypedDict

from seltzer.errors import StateNotStorable
from tests.stores.conversing import config, echo, graph, on, turn
from tests.stores.state_stores import StateStore

pytestmark = pytest.mark.anyio

NUL: Final = "a\x00b"
HALF: Final = "a\ud800b"
ODD: Final = [NUL, "\u2028\x85", "🙂漢字", ""]


class Anything(TypedDict):
    value: Any


@pytest.mark.parametrize("text", ODD, ids=repr)
async def test_a_states_texts_may_have_any_characters(store: StateStore, text: str) -> None:
    message = HumanMessage(text, id="1", additional_kwargs={text: text})
    values = {"value": {text: [text, message]}}

    assert await read_back(store, values) == values


async def test_half_of_a_character_is_replaced_as_by_langgraphs_own_savers(store: StateStore) -> None:
    given = {"value": [HALF, HumanMessage(HALF, id="1")]}

    assert await read_back(store, given) == {"value": ["a?b", HumanMessage("a?b", id="1")]}


async def read_back(store: StateStore, values: Any) -> Any:
    """Write the state, and return it as it is read after a restart."""
    pregel = graph(lambda state: {"value": state["value"]}, Anything)
    async with store.open() as checkpoints:
        await on(checkpoints, pregel).ainvoke(values, config(), durability="sync")
    async with store.open() as checkpoints:
        return (await on(checkpoints, pregel).aget_state(config())).values


@pytest.mark.parametrize(
    ("text", "stored"), [(NUL, "ab"), (HALF, "a?b"), *((text, text) for text in ODD[1:])], ids=repr
)
async def test_metadata_may_have_any_characters_though_nul_is_dropped(
    store: StateStore, text: str, stored: str
) -> None:
    where = config()
    where["metadata"] = {"of.the app": text, text or "empty": 1}
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        await pregel.ainvoke({"messages": [HumanMessage("hi")]}, where, durability="sync")

        found = [each async for each in pregel.aget_state_history(config(), filter={"of.the app": text})]
        others = [each async for each in pregel.aget_state_history(config(), filter={"of.the app": "x"})]

    about: Any = found[0].metadata
    assert len(found) == 3
    assert others == []
    assert (about["of.the app"], about[stored or "empty"]) == (stored, 1)


@pytest.mark.parametrize("name", ["漢字 🙂", "with space", "a.b"], ids=repr)
async def test_channels_may_have_any_names(store: StateStore, name: str) -> None:
    schema: Any = TypedDict("schema", {name: int})  # type: ignore[misc]  # whatever the name
    async with store.open() as checkpoints:
        pregel = on(checkpoints, graph(lambda state: {name: state[name] + 1}, schema))
        await pregel.ainvoke({name: 1}, config(), durability="sync")

        assert (await pregel.aget_state(config())).values == {name: 2}


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**64 - 1])
async def test_whole_numbers_of_64_bits_are_stored(store: StateStore, number: int) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, graph(lambda state: {"value": state["value"]}, Anything))

        assert await pregel.ainvoke({"value": number}, config(), durability="sync") == {"value": number}


async def test_longer_whole_numbers_are_refused_naming_the_channel(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, graph(lambda state: {"value": 2**70}, Anything))

        with pytest.raises(StateNotStorable, match="'value'"):
            await pregel.ainvoke({"value": 1}, config(), durability="sync")


async def test_a_state_of_ten_megabytes_is_stored(store: StateStore) -> None:
    values = {"value": {"bytes": bytes(range(256)) * 20_000, "text": "é漢" * 1_000_000}}
    async with store.open() as checkpoints:
        pregel = on(checkpoints, graph(lambda state: {"value": state["value"]}, Anything))
        await pregel.ainvoke(values, config(), durability="exit")

    async with store.open() as checkpoints:
        assert (await on(checkpoints, pregel).aget_state(config())).values == values


async def test_a_thread_of_5000_messages_is_continued(store: StateStore) -> None:
    given = [[HumanMessage, AIMessage][n % 2](f"{n}", id=f"{n}") for n in range(5_000)]
    async with store.open() as checkpoints:
        await turn(on(checkpoints, echo()), {"messages": given})
    async with store.open() as checkpoints:
        talked = await turn(on(checkpoints, echo()), "more")

    assert talked == [*(f"{n}" for n in range(5_000)), "you said 4999", "more", "you said more"]
