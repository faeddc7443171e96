"""Pages of a thread's states within a limit of bytes, whatever the states contain."""

import operator
import threading
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer
from typing_extensions import TypedDict

from seltzer.errors import UnknownCheckpoint
from seltzer.runs.engine import Engine
from seltzer.runs.graph import AnyPregel
from seltzer.runs.jsonable import dumps
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.history import HistoryPage
from seltzer.runs.threads.snapshots import Snapshot
from seltzer.stores.options import Retention
from tests.runs.conftest import Engines
from tests.runs.scenario import run_to_end

pytestmark = pytest.mark.anyio

STEPS = 12
LIMIT_BYTES = 6_000
TEXT = "x" * 800


class Notes(TypedDict):
    notes: Annotated[list[str], operator.add]
    count: int


class Document(TypedDict):
    text: str
    count: int


class Counted(MessagesState):
    count: int


def loop(schema: Any, step: Callable[[Any], Any]) -> AnyPregel:
    """Return a graph whose node runs STEPS times."""

    def counting(state: Any) -> Any:
        return {**step(state), "count": state["count"] + 1}

    builder = StateGraph(schema).add_node("step", counting).add_edge(START, "step")
    builder.add_conditional_edges("step", lambda state: END if state["count"] >= STEPS else "step")
    return builder.compile()


def say(text: str) -> Callable[[Any], Any]:
    """Return a step that adds a message; its id is the number of those before it."""
    return lambda state: {"messages": [AIMessage(text, id=f"m{len(state['messages'])}")]}


def summarize(state: Any) -> Any:
    """Add a message, and now and then remove those before it."""
    removed = state["messages"] if state["count"] == STEPS // 2 else []
    return {"messages": [*(RemoveMessage(id=each.id) for each in removed), *say(TEXT)(state)["messages"]]}


GRAPHS: dict[str, tuple[AnyPregel, Any]] = {
    "messages": (loop(Counted, say(TEXT)), {"messages": []}),
    "long messages": (loop(Counted, say(TEXT * 10)), {"messages": []}),
    "shortened": (loop(Counted, summarize), {"messages": [HumanMessage("hi", id="first")]}),
    "notes": (loop(Notes, lambda state: {"notes": [TEXT]}), {"notes": []}),
    "a growing text": (loop(Document, lambda state: {"text": state["text"] + TEXT}), {"text": ""}),
    "a long text": (loop(Document, lambda state: {}), {"text": TEXT * 10}),
}


async def run(engine: Engine, input: Any, run_id: str = "r") -> None:
    events = await run_to_end(engine, RunSpec("agent", {**input, "count": 0}, "t", run_id))
    assert events[-1].kind == "finished"


async def read(engine: Engine, limit: int = 5, **options: Any) -> list[HistoryPage]:
    """Read the whole history, page by page."""
    pages: list[HistoryPage] = []
    while not pages or pages[-1].next_before is not None:
        before = pages[-1].next_before if pages else None
        pages.append(await engine.threads.history("agent", "t", limit=limit, before=before, **options))
    return pages


def states_in(pages: list[HistoryPage]) -> list[Snapshot]:
    return [state for page in pages for state in page.states]


@pytest.mark.parametrize("name", GRAPHS)
async def test_each_page_is_within_the_limit_and_all_states_are_listed(engine_of: Engines, name: str) -> None:
    graph, input = GRAPHS[name]
    engine = await engine_of(graph)
    await run(engine, input)

    [whole] = await read(engine, limit=100)
    pages = await read(engine, limit_bytes=LIMIT_BYTES)

    for page in pages:
        assert page.states
        assert sum(len(dumps(state.values)) for state in page.states) < LIMIT_BYTES + 500  # keys and brackets
    shown = states_in(pages)
    assert [each.checkpoint_id for each in shown] == [each.checkpoint_id for each in whole.states]
    for some, every in zip(shown, whole.states, strict=True):
        for key, value in every.values.items():
            left_out = some.omitted.get(key, 0)
            assert (left_out is None) == (key not in some.values)
            if left_out is not None:
                assert some.values[key] == (value[left_out:] if isinstance(value, list) else value)


async def test_a_long_state_has_only_what_its_parent_has_not(engine_of: Engines) -> None:
    engine = await engine_of(loop(Counted, say(TEXT)))
    await run(engine, {"messages": []})

    states = states_in(await read(engine, limit_bytes=LIMIT_BYTES))

    said = [[each["id"] for each in state.values.get("messages", [])] for state in states]
    assert said[:9] == [[f"m{number}"] for number in range(STEPS - 1, STEPS - 10, -1)]
    assert [state.omitted.get("messages") for state in states[:3]] == [11, 10, 9]
    assert (said[-3], states[-3].omitted) == (["m0"], {})


async def test_short_states_are_whole(engine_of: Engines) -> None:
    engine = await engine_of(loop(Counted, say("short")))
    await run(engine, {"messages": []})

    assert await read(engine, limit=4, limit_bytes=2**20) == await read(engine, limit=4)


async def test_the_state_after_a_fork_has_what_the_one_it_forks_has_not(engine_of: Engines) -> None:
    engine = await engine_of(loop(Counted, say(TEXT)))
    await run(engine, {"messages": []})
    first = (await engine.threads.history("agent", "t", limit=1)).states[0]
    await run(engine, {"messages": [HumanMessage("on one branch", id="h1")]}, "r2")
    spec = RunSpec(
        "agent",
        {"messages": [HumanMessage("on another", id="h2")], "count": STEPS - 1},
        "t",
        "r3",
        checkpoint_id=first.checkpoint_id,
    )
    await run_to_end(engine, spec)

    page = await engine.threads.history("agent", "t", limit=3, limit_bytes=LIMIT_BYTES)

    newest, begun, asked = page.states
    assert asked.parent_checkpoint_id == first.checkpoint_id
    assert [len(each.values["messages"]) for each in (newest, begun, asked)] == [1, 1, 0]
    assert begun.values["messages"][0]["content"] == "on another"


async def test_without_values_a_page_has_all_the_states_that_are_asked_for(engine_of: Engines) -> None:
    engine = await engine_of(loop(Counted, say(TEXT * 10)))
    await run(engine, {"messages": []})

    pages = await read(engine, has_values=False, limit_bytes=10)

    assert [len(page.states) for page in pages] == [5, 5, 4]
    assert {state.values for state in states_in(pages)} == {None}


async def test_history_continues_before_a_state_that_is_not_kept_any_more(engine_of: Engines) -> None:
    engine = await engine_of(loop(Counted, say("short")), keeping=Retention(checkpoints=STEPS))
    await run(engine, {"messages": []}, "r1")
    page = await engine.threads.history("agent", "t", limit=6)
    for number in range(3):
        await run(engine, {"messages": []}, f"later {number}")
    left = (await engine.threads.history("agent", "t", limit=100)).states
    assert page.next_before not in [state.checkpoint_id for state in left]

    rest = (await engine.threads.history("agent", "t", limit=100, before=page.next_before)).states

    assert rest
    assert {state.run_id for state in rest} == {"r1"}
    assert rest == left[-len(rest) :]


@pytest.mark.parametrize("before", ["none", "1", "x" * 64])
async def test_what_can_be_no_checkpoint_is_unknown(engine_of: Engines, before: str) -> None:
    engine = await engine_of(loop(Counted, say("short")))
    await run(engine, {"messages": []})

    with pytest.raises(UnknownCheckpoint):
        await engine.threads.history("agent", "t", limit=1, before=before)


class Noted(BaseModel):
    """A value that records where it is rendered."""

    text: str
    rendered_in: ClassVar[set[threading.Thread]] = set()

    @model_serializer(mode="wrap")
    def render(self, plain: SerializerFunctionWrapHandler) -> Any:
        self.rendered_in.add(threading.current_thread())
        return plain(self)


class HasNoted(TypedDict):
    noted: Noted
    count: int


async def test_states_are_rendered_in_other_threads_than_the_loops(engine_of: Engines) -> None:
    engine = await engine_of(loop(HasNoted, lambda state: {"noted": Noted(text=TEXT)}))
    await run(engine, {})

    for read_some in (
        lambda: engine.threads.state("agent", "t"),
        lambda: engine.threads.history("agent", "t", limit=5),
        lambda: engine.threads.history("agent", "t", limit=5, limit_bytes=LIMIT_BYTES),
    ):
        Noted.rendered_in.clear()
        await read_some()
        assert Noted.rendered_in
        assert threading.current_thread() not in Noted.rendered_in
