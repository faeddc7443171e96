"""After a restart a state has the types of LangGraph's savers, or the run fails with the reason."""

import dataclasses
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import ip_address
from pathlib import Path
from re import compile as regex
from typing import Annotated, Any, Final, Generic, NamedTuple, NewType, NotRequired, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel, Field, SecretStr
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from seltzer.errors import StateNotStorable
from seltzer.runs.graph import AnyPregel
from seltzer.stores.checkpoints.serializer import log_blocked_classes
from seltzer.stores.options import SerdeOptions
from tests.stores.conversing import config
from tests.stores.state_stores import PACKING, STATE_STORES, StateStore, in_memory

pytestmark = pytest.mark.anyio


@pytest.fixture(params=PACKING)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> StateStore:
    return await STATE_STORES[request.param](tmp_path)


T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Place(NamedTuple):
    x: float
    y: float


class Inner(BaseModel):
    when: datetime
    tags: set[str] = Field(default_factory=set)


class Outer(BaseModel):
    name: str
    inner: Inner
    others: list[Inner] = []
    by_colour: dict[str, Colour] = {}


class Box(BaseModel, Generic[T]):
    content: T


@dataclasses.dataclass
class Step:
    text: str
    done: bool = False
    place: Place | None = None


@dataclasses.dataclass(frozen=True)
class Plan:
    steps: tuple[Step, ...]


@pydantic_dataclass
class Checked:
    n: int


class Nested(TypedDict):
    at: datetime
    steps: NotRequired[list[Step]]


class Undeclared(BaseModel):
    n: int


class Opaque:
    """A class that no serializer can store."""


UserId = NewType("UserId", UUID)
NOW: Final = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
INNER: Final = Inner(when=NOW, tags={"a", "b"})

VALUES: Final[list[tuple[Any, Any]]] = [
    (datetime, NOW),
    (datetime, datetime(2026, 2, 3, tzinfo=ZoneInfo("Europe/Berlin"))),
    (date, date(2026, 2, 3)),
    (time, time(4, 5, 6)),
    (timedelta, timedelta(days=1, microseconds=3)),
    (ZoneInfo, ZoneInfo("Europe/Berlin")),
    (UUID, UUID(int=7)),
    (UserId, UserId(UUID(int=7))),
    (Decimal, Decimal("1.10")),
    (int, -(2**63)),
    (float, float("inf")),
    (bytes, b"\x00\xff"),
    (bytearray, bytearray(b"\x00\xff")),
    (str, "漢字\u2028🙂"),
    (set[int], {1, 2}),
    (frozenset[str], frozenset({"a"})),
    (tuple[int, str], (1, "a")),
    (list[tuple[int, ...]], [(1,), (2, 3)]),
    (deque[int], deque([1, 2])),
    (dict[int, str], {1: "a", 2: "b"}),
    (Path, Path("/tmp/x")),
    (Any, regex("a+")),
    (Any, ip_address("::1")),
    (Colour, Colour.BLUE),
    (Level, Level.HIGH),
    (list[Colour], [Colour.RED]),
    (Place, Place(1.5, 2.5)),
    (Inner, INNER),
    (Outer, Outer(name="o", inner=INNER, others=[INNER], by_colour={"r": Colour.RED})),
    (list[Outer], [Outer(name="o", inner=INNER)]),
    (dict[str, Inner], {"a": INNER}),
    (Outer | None, Outer(name="o", inner=INNER)),
    (Box[Inner], Box[Inner](content=INNER)),
    (SecretStr, SecretStr("hush")),
    (Step, Step("go", place=Place(1, 2))),
    (Plan, Plan((Step("go"), Step("stop", done=True)))),
    (Checked, Checked(3)),
    (Nested, {"at": NOW, "steps": [Step("go")]}),
    (Annotated[list[Step], "a note", ["unhashable"]], [Step("go")]),
    (Document, Document("text", metadata={"at": NOW})),
    (list[AnyMessage], [HumanMessage("hi", id="1"), SystemMessage("be brief", id="2")]),
    (BaseMessage, AIMessage("", id="1", tool_calls=[{"name": "t", "args": {"n": 1}, "id": "c"}])),
    (AIMessageChunk, AIMessageChunk(content="par", id="1")),
    (list[AnyMessage], [ToolMessage("4", tool_call_id="c", id="1", artifact={"at": NOW, "raw": b"x"})]),
    (ChatMessage, ChatMessage(content="hi", role="poet", id="1")),
    (list[AnyMessage], [HumanMessage(str(n), id=str(n)) for n in range(30)]),
    (Any, None),
]

# msgpack has one kind of list and one of bytes: LangGraph's savers lose the difference, in memory less often.
LOSSY: Final = [bytearray, tuple[int, str], list[tuple[int, ...]], Plan]


def asking(annotation: Any, value: Any) -> AnyPregel:
    """Return a graph that writes the value, sends it on, and asks; then it repeats what it was sent."""
    state: Any = TypedDict("state", {"value": annotation, "sent": annotation})

    builder = StateGraph(state)
    builder.add_node("write", lambda _: {"value": value})
    builder.add_node("ask", lambda sent: [interrupt({"value": sent["value"]}), {"sent": sent["value"]}][1])
    builder.add_edge(START, "write")
    builder.add_conditional_edges("write", lambda s: Send("ask", {"value": s["value"]}), ["ask"])
    return builder.compile()


async def played(pregel: AnyPregel) -> list[Any]:
    """Run the graph to its question and answer it; return what can be seen."""
    await pregel.ainvoke({}, config(), durability="sync")
    asked = await pregel.aget_state(config())
    answered = await pregel.ainvoke(Command(resume="yes"), config(), durability="sync")
    ended = await pregel.aget_state(config())
    return [asked.values, asked.interrupts[0].value, answered, ended.values]


@asynccontextmanager
async def ours(
    store: StateStore, pregel: AnyPregel, serde: SerdeOptions | None = None
) -> AsyncIterator[AnyPregel]:
    async with store.open(serde=serde) as checkpoints:
        yield pregel.copy({"checkpointer": checkpoints.saver_for(pregel)})


async def played_by_ours(
    store: StateStore, pregel: AnyPregel, serde: SerdeOptions | None = None
) -> list[Any]:
    async with ours(store, pregel, serde) as before:
        await before.ainvoke({}, config(), durability="sync")
    async with ours(store, pregel, serde) as after:
        asked = await after.aget_state(config())
        answered = await after.ainvoke(Command(resume="yes"), config(), durability="sync")
    async with ours(store, pregel, serde) as later:
        ended = await later.aget_state(config())
    return [asked.values, asked.interrupts[0].value, answered, ended.values]


def typed(value: Any) -> Any:
    """Return the value with the type of each part of it, comparable."""
    if isinstance(value, dict):
        return dict, {key: typed(part) for key, part in value.items()}
    if type(value) in (list, tuple, deque):
        return type(value), [typed(part) for part in value]
    return type(value), value


@pytest.mark.parametrize(
    ("annotation", "value"), VALUES, ids=[f"{n}-{type(v).__name__}" for n, (_, v) in enumerate(VALUES)]
)
async def test_a_declared_value_has_its_type_after_a_restart(
    tmp_path: Path, store: StateStore, annotation: Any, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pregel = asking(annotation, value)
    in_memory = pregel.copy({"checkpointer": InMemorySaver()})
    with caplog.at_level(logging.ERROR):  # LangGraph's own savers warn of classes they may block one day
        from_memory = await played(in_memory)
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "theirs.db")) as saver:
            from_file = await played(pregel.copy({"checkpointer": saver}))

    found = await played_by_ours(store, pregel)

    assert typed(found) == typed(from_file)
    if annotation not in LOSSY:
        assert typed(found) == typed(from_memory)
        assert typed(found[-1]["sent"]) == typed(value)


@pytest.mark.parametrize("annotation", [Any, dict[str, Any], list[Any], object])
async def test_an_undeclared_class_is_plain_data_and_the_log_names_the_setting_once(
    tmp_path: Path, store: StateStore, annotation: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pregel = asking(annotation, [Undeclared(n=1), Undeclared(n=2)])
    await played_by_ours(await in_memory(tmp_path), pregel)  # servers in this process log it too, once each
    caplog.clear()
    unregister = log_blocked_classes()

    found = await played_by_ours(store, pregel)

    unregister()
    assert found[0]["value"] == [{"n": 1}, {"n": 2}]
    (warning,) = [each for each in caplog.messages if "checkpointer.serde.allowed_msgpack_modules" in each]
    assert f'["{__name__}", "Undeclared"]' in warning


@pytest.mark.parametrize("allowed", [[(__name__, "Undeclared")], [[__name__, "Undeclared"]], True])
async def test_an_undeclared_class_that_is_allowed_is_revived(store: StateStore, allowed: Any) -> None:
    value = {"a": [Undeclared(n=1)]}

    found = await played_by_ours(store, asking(dict[str, Any], value), SerdeOptions(allowed))

    assert found[0]["value"] == found[-1]["sent"] == value


async def test_what_a_subgraph_declares_is_revived_too(store: StateStore) -> None:
    class Hidden(TypedDict):
        step: Step

    class Shown(TypedDict):
        n: int

    inner = StateGraph(Hidden, output_schema=Shown)
    inner.add_node("write", lambda _: {"step": Step("go")})
    inner.add_node("ask", lambda s: {"step": [interrupt("?"), dataclasses.replace(s["step"], done=True)][1]})
    inner.add_edge(START, "write")
    inner.add_edge("write", "ask")
    outer = StateGraph(Shown)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "inner")
    pregel = outer.compile()
    async with ours(store, pregel) as before:
        await before.ainvoke({"n": 1}, config(), durability="sync")

    async with ours(store, pregel) as after:
        state = await after.aget_state(config(), subgraphs=True)

    assert state.tasks[0].state.values == {"step": Step("go")}  # type: ignore[union-attr]  # with subgraphs


UNSTORABLE: Final[Sequence[tuple[Any, str]]] = [
    (range(3), "range"),
    (lambda: None, "function"),
    (Opaque(), f"{__name__}.Opaque"),
    ({"deep": [{"er": Opaque()}]}, f"{__name__}.Opaque"),
    ({1, range(2)}, "range"),
    ([HumanMessage("hi"), Opaque()], f"{__name__}.Opaque"),
    (Box[Any](content=Opaque()), f"{__name__}.Opaque"),
    (Step(text=Opaque()), f"{__name__}.Opaque"),  # type: ignore[arg-type]  # nothing checks it
    ({Opaque(): 1}, f"{__name__}.Opaque"),
    ([Opaque()] * 20, f"{__name__}.Opaque"),
    (2**70, "int"),
]


@pytest.mark.parametrize(("value", "type_name"), UNSTORABLE)
async def test_what_cannot_be_stored_ends_the_run_naming_channel_and_type(
    store: StateStore, value: Any, type_name: str
) -> None:
    async with ours(store, asking(Any, value)) as pregel:
        with pytest.raises(StateNotStorable) as caught:
            await pregel.ainvoke({}, config(), durability="sync")

    assert (caught.value.channel, caught.value.type_name) == ("value", type_name)
    assert caught.value.code == "state_not_storable"
    assert not caught.value.retryable
    assert "'value'" in str(caught.value)
    assert type_name in str(caught.value)
    assert "checkpointer.serde" in str(caught.value)


async def test_an_open_file_cannot_be_stored(tmp_path: Path, store: StateStore) -> None:
    with (tmp_path / "f").open("wb") as file:
        async with ours(store, asking(Any, {"log": file})) as pregel:
            with pytest.raises(StateNotStorable, match=r"'value' .*'_io\.BufferedWriter'"):
                await pregel.ainvoke({}, config(), durability="sync")


async def test_the_thread_stays_as_it_was_before_the_run_that_could_not_be_stored(store: StateStore) -> None:
    class State(TypedDict):
        value: Any

    builder = StateGraph(State)
    builder.add_node("n", lambda s: {"value": range(3)} if s["value"] == "bad" else {"value": "kept"})
    builder.add_edge(START, "n")
    async with ours(store, builder.compile()) as pregel:
        await pregel.ainvoke({"value": "good"}, config(), durability="sync")
        with pytest.raises(StateNotStorable):
            await pregel.ainvoke({"value": "bad"}, config(), durability="sync")

        assert await pregel.ainvoke({"value": "good"}, config(), durability="sync") == {"value": "kept"}


async def test_pickle_stores_what_it_can_where_it_is_set(store: StateStore) -> None:
    pregel = asking(Any, {"r": range(3), "o": [Inner(when=NOW)]})

    found = await played_by_ours(store, pregel, SerdeOptions(pickle_fallback=True))

    assert found[-1]["sent"] == {"r": range(3), "o": [Inner(when=NOW)]}


async def test_what_even_pickle_refuses_ends_the_run(store: StateStore) -> None:
    serde = SerdeOptions(pickle_fallback=True)
    async with ours(store, asking(Any, [lambda: None]), serde) as pregel:
        with pytest.raises(StateNotStorable, match="not even by pickle"):
            await pregel.ainvoke({}, config(), durability="sync")


async def test_an_artifact_that_cannot_be_stored_does_not_end_a_run_wherever_its_message_goes(
    store: StateStore,
) -> None:
    message = ToolMessage("4", tool_call_id="c", id="1", artifact={"o": Opaque(), "at": NOW})
    pregel = asking(Any, {"messages": [message], "last": message})

    found = await played_by_ours(store, pregel)

    artifacts = [found[0]["value"]["messages"][0].artifact, found[0]["value"]["last"].artifact]
    assert artifacts == [{"o": "<Opaque>", "at": NOW}] * 2
    assert found[-1]["sent"]["last"].content == "4"


async def test_what_a_function_returns_may_be_anything_but_what_it_saves_may_not(store: StateStore) -> None:
    @entrypoint()
    async def returning(saves: bool, *, previous: Any = None) -> entrypoint.final[Any, Any]:
        return entrypoint.final(value=range(3), save=range(3) if saves else 1)

    async with ours(store, returning) as pregel:
        assert await pregel.ainvoke(False, config(), durability="sync") == range(3)
        with pytest.raises(StateNotStorable, match=r"entrypoint\.final"):
            await pregel.ainvoke(True, config(), durability="sync")


async def test_what_a_function_and_its_tasks_declare_is_revived(store: StateStore) -> None:
    @task
    async def make() -> Step:
        return Step("go")

    @entrypoint()
    async def count(n: int, *, previous: Plan | None = None) -> Plan:
        return Plan((*(previous.steps if previous else ()), await make()))

    for taken in (1, 2):
        async with ours(store, count) as pregel:
            assert await pregel.ainvoke(1, config(), durability="sync") == Plan((Step("go"),) * taken)


class Talk(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


async def test_a_message_of_a_class_of_ones_own_is_revived_if_declared(store: StateStore) -> None:
    class Signed(AIMessage):
        signature: str = ""

    globals()["Signed"] = Signed
    Signed.__qualname__ = "Signed"
    message = Signed(content="hi", id="1", signature="me")

    found = await played_by_ours(store, asking(list[AnyMessage | Signed], [message]))

    assert typed(found[-1]["sent"]) == typed([message])
