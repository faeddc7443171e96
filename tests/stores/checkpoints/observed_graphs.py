"""Graphs of many shapes, whose nodes look into the file whenever they run."""

import asyncio
import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import anyio
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send
from typing_extensions import TypedDict

from seltzer.runs.execution.fence import FENCE, Fence
from seltzer.runs.graph import AnyPregel
from tests.stores.conversing import config, rows

STEP: Final = "json_extract(CAST(metadata AS TEXT), '$.step')"
STEPS: Final = f"SELECT {STEP} FROM checkpoints WHERE checkpoint_ns = ? ORDER BY seq"


class State(TypedDict):
    said: Annotated[list[str], operator.add]


class Visit(NamedTuple):
    """A node ran: in which step, and which steps of its graph another connection found stored then."""

    node: str
    namespace: str
    step: int
    stored: list[int]


class Watch:
    """Makes nodes that look into the file whenever they run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.visits: list[Visit] = []
        self.has_begun = asyncio.Event()

    @property
    def names(self) -> list[str]:
        return [visit.node for visit in self.visits]

    @property
    def unstored(self) -> list[Visit]:
        """The visits whose step starts from one that wasn't stored, except for the run's first."""
        late = [visit for visit in self.visits if visit.namespace or visit.step > self.visits[0].step]
        return [visit for visit in late if visit.step - 1 not in visit.stored]

    def stored(self, namespace: str = "") -> list[int]:
        return [step for (step,) in rows(self._file, STEPS, (namespace,))]

    def node(self, name: str, say: Callable[[Any], Any] | None = None) -> tuple[str, Any]:
        """Return a node for add_node, that returns what `say` makes of its state; its name, if None."""

        async def run(state: Any, config: RunnableConfig) -> Any:
            namespace = config["configurable"]["checkpoint_ns"].rpartition("|")[0]
            self.visits.append(
                Visit(name, namespace, config["metadata"]["langgraph_step"], self.stored(namespace))
            )
            self.has_begun.set()
            return say(state) if say else {"said": [name]}

        return name, run


def built(*nodes: tuple[str, Any], edges: Sequence[tuple[Any, str]]) -> "StateGraph[Any, Any, Any, Any]":
    builder = StateGraph(State)
    for name, node in nodes:
        builder.add_node(name, node)
    for start, to in edges:
        builder.add_edge(start, to)
    return builder


def chain(watch: Watch) -> AnyPregel:
    builder = built(watch.node("model"), watch.node("tool"), edges=[(START, "model"), ("tool", "model")])
    builder.add_conditional_edges(
        "model", lambda s: END if "tool" in s["said"][-3:] else "tool", ["tool", END]
    )
    return builder.compile()


def silent(watch: Watch) -> AnyPregel:
    nothing = watch.node("b", lambda _: None)
    nodes = (watch.node("a", lambda _: {}), nothing, watch.node("c", lambda _: None))
    return built(*nodes, edges=[(START, "a"), ("a", "b"), ("b", "c")]).compile()


def mapped(watch: Watch) -> AnyPregel:
    work = watch.node("work", lambda n: {"said": [f"work {n}"]})
    builder = built(watch.node("plan"), work, watch.node("sum"), edges=[(START, "plan"), ("work", "sum")])
    builder.add_conditional_edges("plan", lambda _: [Send("work", n) for n in range(3)], ["work"])
    return builder.compile()


def joined(watch: Watch) -> AnyPregel:
    nodes = map(watch.node, "abcde")
    edges: list[tuple[Any, str]] = [(START, "a"), ("a", "b"), ("a", "c"), ("c", "d"), (["b", "d"], "e")]
    return built(*nodes, edges=edges).compile()


def deferred(watch: Watch) -> AnyPregel:
    edges = [(START, "a"), ("a", "b"), ("a", "c"), ("c", "d"), ("b", "e"), ("d", "e")]
    builder = built(*map(watch.node, "abcd"), edges=edges[:4])
    builder.add_node(*watch.node("e"), defer=True)
    for start, to in edges[4:]:
        builder.add_edge(start, to)
    return builder.compile()


def commanded(watch: Watch) -> AnyPregel:
    builder = built(watch.node("b"), edges=[(START, "a")])
    builder.add_node(
        *watch.node("a", lambda _: Command(goto="b", update={"said": ["go"]})), destinations=("b",)
    )
    return builder.compile()


def nested(watch: Watch, *, keeps_its_state: bool | None = None) -> AnyPregel:
    inner = built(watch.node("x"), watch.node("y"), edges=[(START, "x"), ("x", "y")]).compile()
    inner.checkpointer = keeps_its_state
    nodes = watch.node("a"), ("inner", inner), watch.node("z")
    return built(*nodes, edges=[(START, "a"), ("a", "inner"), ("inner", "z")]).compile()


def lasting(watch: Watch) -> AnyPregel:
    return nested(watch, keeps_its_state=True)


SHAPES: dict[Callable[[Watch], AnyPregel], list[str]] = {
    chain: ["model", "tool", "model"],
    silent: ["a", "b", "c"],
    mapped: ["plan", "work", "work", "work", "sum"],
    joined: ["a", "b", "c", "d", "e"],
    deferred: ["a", "b", "c", "d", "e"],
    commanded: ["a", "b"],
    nested: ["a", "x", "y", "z"],
    lasting: ["a", "x", "y", "z"],
}


async def run(pregel: AnyPregel, given: Any, run_id: str = "r", *, fence: Fence | None = None) -> None:
    """Run the graph as an execution does, up to what the run's end does."""
    configurable: dict[str, Any] = {FENCE: fence or Fence()}
    where = config(run_id=run_id, **configurable)
    with anyio.fail_after(30):
        async for _ in pregel.astream(given, where, durability="sync"):
            pass


def hi() -> dict[str, Any]:
    return {"said": ["hi"]}


async def history(pregel: AnyPregel) -> list[Any]:
    """Return all of the thread's states, comparable."""
    return [
        (
            *((state.metadata or {}).get("source"), (state.metadata or {}).get("step")),
            *(state.values, state.next),
            [(each.name, each.result, each.error, bool(each.interrupts)) for each in state.tasks],
        )
        async for state in pregel.aget_state_history(config())
    ]
