"""What is pruned of a thread, and what isn't; a long thread stays small."""

from itertools import pairwise
from operator import add
from typing import Annotated, Any, Final, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from typing_extensions import TypedDict

from seltzer.runs.ports import Checkpoints
from seltzer.runs.tree import branch
from seltzer.stores.checkpoints.progress import CheckpointCounts
from seltzer.stores.checkpoints.retention import ROOT, Row, new_parents, plan_pruning, superfluous
from tests.stores.conversing import (
    agent,
    answered,
    asking,
    config,
    echo,
    graph,
    nested,
    on,
    seen,
    texts,
    turn,
)
from tests.stores.state_stores import PACKING, StateStore

pytestmark = pytest.mark.anyio

packing = pytest.mark.parametrize("store", PACKING, indirect=True)

namespaces = st.sampled_from([ROOT, ROOT, "lasting", "node:task1", "node:task2", "node:task1|lasting"])
threads = st.lists(st.tuples(namespaces, st.sampled_from(["input", "loop", "update"])), max_size=40)


def written(thread: list[tuple[str, str]]) -> list[Row]:
    """Return a thread's rows, in one branch: each checkpoint of a namespace is the next one's parent."""
    newest: dict[str, str] = {}
    found = []
    for seq, (namespace, source) in enumerate(thread, 1):
        found.append(Row(seq, namespace, source, False, str(seq), newest.get(namespace)))
        newest[namespace] = str(seq)
    return found


@given(threads, st.integers(1, 8))
def test_checkpoints_that_are_still_needed_are_kept(thread: list[tuple[str, str]], kept: int) -> None:
    rows = written(thread)
    roots = [row.seq for row in rows if row.namespace == ROOT]
    inputs = [row.seq for row in rows if row.namespace == ROOT and row.source == "input"]

    left = {row.seq for row in rows} - set(superfluous(rows, kept))

    assert set(roots[-kept:]) <= left
    for start in (roots[-kept:][:1], inputs[-1:]):
        for seq in start:
            lasting = [row.seq for row in rows if row.namespace == "lasting" and row.seq < seq]
            before = [each for each in roots if each < seq]
            assert set(lasting[-1:]) <= left
            assert set(before[-1:]) <= left or start != inputs[-1:]
    newest = [row for row in rows if row.namespace == ROOT and row.seq >= max(inputs, default=0)]
    assert len(left & set(roots)) <= kept + 2 + 2 * sum(row.source == "update" for row in newest)


@given(threads, st.integers(1, 8))
def test_pruning_twice_is_pruning_once(thread: list[tuple[str, str]], kept: int) -> None:
    rows = written(thread)
    gone = set(superfluous(rows, kept))
    parents = new_parents(rows, gone)

    left = [
        row._replace(parent_id=parents.get(row.seq, row.parent_id)) for row in rows if row.seq not in gone
    ]

    assert superfluous(left, kept) == []


@pytest.mark.parametrize("pregel", [echo(), agent(), nested(agent())], ids=["echo", "agent", "nested"])
async def test_pruning_changes_nothing_but_the_number_of_checkpoints(store: StateStore, pregel: Any) -> None:
    async with store.open(kept=3) as checkpoints:
        pregel = on(checkpoints, pregel)
        for number in range(8):
            await turn(pregel, f"{number}")
            before = await seen(pregel)
            history = [state.values async for state in pregel.aget_state_history(config(), limit=3)]
            await checkpoints.prune("t")

            assert await seen(pregel) == before
            assert [s.values async for s in pregel.aget_state_history(config(), limit=3)] == history
        sizes = await store.counts()

        assert sizes["checkpoints"] <= 3 + 2 + 8  # the newest, what begins the turn, and their subgraphs'
        assert len(await checkpoints.tree("t")) <= 5
    assert await store.loose_writes() == 0


@packing
async def test_a_thread_is_not_read_before_it_can_exceed_its_limit(store: StateStore) -> None:
    """A turn adds three. One that the process hasn't seen grow is looked at, once."""

    async def left(checkpoints: Checkpoints) -> list[int]:
        found = []
        for _ in range(7):
            await turn(on(checkpoints, echo()), "more")
            await checkpoints.prune("t")
            found.append((await store.counts())["checkpoints"])
        return found

    async with store.open(kept=3, spare=5) as checkpoints:
        assert await left(checkpoints) == [3, 6, 4, 7, 4, 7, 4]
    async with store.open(kept=3, spare=5) as checkpoints:
        assert await left(checkpoints) == [4, 7, 4, 7, 4, 7, 4]


def test_the_counts_are_limited_to_recent_threads() -> None:
    written = CheckpointCounts(threads_limit=2)
    for thread_id in "abcb":
        written.add(thread_id, is_first=True)

    assert [written.may_exceed(each, 1) for each in "abc"] == [True, True, False]
    assert not written.may_exceed("b", 2)
    written.add("unknown", is_first=False)
    assert written.may_exceed("unknown", 1_000)
    written.forget("b")
    assert written.may_exceed("b", 2)


async def test_a_pruned_thread_continues_after_a_restart(store: StateStore) -> None:
    talked = []
    for number in range(6):
        async with store.open(kept=2) as checkpoints:
            pregel = on(checkpoints, agent())
            talked += [f"{number}", "", "4", "it is 4"]

            assert await turn(pregel, f"{number}") == talked

            await checkpoints.prune("t")


async def test_a_subgraph_that_keeps_its_state_keeps_it(store: StateStore) -> None:
    class Counted(TypedDict):
        messages: list[Any]
        turns: Annotated[int, add]

    inner = graph(lambda state: {"turns": 1}, Counted)
    inner.checkpointer = True
    async with store.open(kept=1) as checkpoints:
        pregel = on(checkpoints, nested(inner))
        for number in range(5):
            await turn(pregel, f"{number}")
            await checkpoints.prune("t")

        saved = await checkpoints.saver_for(pregel).aget_tuple(config(checkpoint_ns="inner"))

    assert saved is not None
    assert saved.checkpoint["channel_values"]["turns"] == 5


@pytest.mark.parametrize("wrap", [lambda pregel: pregel, nested], ids=["root", "nested"])
async def test_a_pruned_thread_can_still_be_answered(store: StateStore, wrap: Any) -> None:
    async with store.open(kept=1) as checkpoints:
        pregel = on(checkpoints, wrap(asking("a?", "b?")))
        await turn(pregel, "one")
        await checkpoints.prune("t")
        await turn(pregel, answered("A"))
        await checkpoints.prune("t")

        assert await turn(pregel, answered("B")) == ["one", "answered A, B"]


@packing
async def test_messages_without_a_reference_are_deleted(store: StateStore) -> None:
    def node(state: Any) -> Any:
        if state["messages"][-1].content == "summarise":
            return {"messages": [RemoveMessage(REMOVE_ALL_MESSAGES), AIMessage("summary", id="summary")]}
        return {"messages": [AIMessage(f"answer {number}") for number in range(5)]}

    async with store.open(kept=3) as checkpoints:
        pregel = on(checkpoints, graph(node))
        for text in ("one", "two", "three", "summarise"):
            await turn(pregel, text)
            await checkpoints.prune("t")
        stored = (await store.counts())["messages"]
        for text in ("four", "five"):
            talked = await turn(pregel, text)
            await checkpoints.prune("t")
        left = (await store.counts())["messages"]

        assert stored > 15
        assert left == len(talked) == 13
        assert await texts(pregel) == talked


async def test_a_thread_with_delta_channels_is_left_alone(store: StateStore) -> None:
    delta = pytest.importorskip("langgraph.channels.delta", reason="this LangGraph has no DeltaChannel")

    class Delta(TypedDict):
        messages: Annotated[
            list[Any], delta.DeltaChannel(lambda old, new: old + [m for each in new for m in each])
        ]

    async with store.open(kept=2) as checkpoints:
        pregel = on(checkpoints, graph(lambda state: {"messages": [AIMessage("yes")]}, Delta))
        for number in range(5):
            await turn(pregel, {"messages": [HumanMessage(f"{number}")]})
            await checkpoints.prune("t")

        assert await texts(pregel) == [text for number in range(5) for text in (f"{number}", "yes")]


@packing
async def test_a_threads_size_grows_linearly_with_its_turns(store: StateStore) -> None:
    """The whole state at each step would be a megabyte at the end of this, and 100 MB without pruning."""

    async def size_after(turns: int) -> int:
        for number in range(turns):
            await turn(pregel, f"what is {number}?")
            await checkpoints.prune("t")
        return await store.size_bytes()

    async with store.open() as checkpoints:
        pregel = on(checkpoints, agent())
        sizes = [await size_after(25) for _ in range(4)]

    first, second, third = (after - before for before, after in pairwise(sizes))
    assert third <= 1.5 * max(first, second)
    assert sizes[-1] < 2_000 * 4 * 100  # 2,000 bytes a message are plenty


def chain(*sources: str) -> list[Row]:
    """Return a thread's rows, each the next one's parent; `a<b` has the parent b, `a?` has a question."""
    found: list[Row] = []
    for seq, source in enumerate(sources, 1):
        source, _, parent = source.partition("<")
        before = parent or (str(seq - 1) if found else None)
        found.append(Row(seq, ROOT, source.rstrip("?"), False, str(seq), before, source.endswith("?")))
    return found


TURNS = chain("input", "loop", "loop", "input", "loop", "loop", "input", "loop", "loop")


@pytest.mark.parametrize(
    ("turns", "left"), [(None, [1, 3, 4, 6, 7, 9]), (2, [3, 4, 6, 7, 9]), (1, [6, 7, 9])]
)
def test_turns_keep_the_states_that_they_begin_and_end_with(turns: int | None, left: list[int]) -> None:
    gone = superfluous(TURNS, 1, turns=turns)

    assert [row.seq for row in TURNS if row.seq not in gone] == left


def test_the_ends_of_all_branches_are_kept() -> None:
    rows = chain("input", "loop", "loop", "fork<1", "loop", "loop", "input<3", "loop", "loop")

    gone = superfluous(rows, 1, turns=None)

    assert [row.seq for row in rows if row.seq not in gone] == [1, 3, 4, 6, 7, 9]
    assert new_parents(rows, gone) == {3: "1", 6: "4", 9: "7"}


@pytest.mark.parametrize(
    ("kept", "forked", "left"),
    [
        (3, [], [6, 7, 8, 9]),
        (4, [], [3, 4, 6, 7, 8, 9]),
        (6, [], [3, 4, 5, 6, 7, 8, 9]),
        (1, [2], [1, 2, 6, 7, 9]),
        (1, [5], [3, 4, 5, 6, 7, 9]),
    ],
)
def test_a_turn_of_which_something_is_kept_can_be_run_again_and_taken_back(
    kept: int, forked: list[int], left: list[int]
) -> None:
    gone = superfluous(TURNS, kept, forked, turns=1)

    assert [row.seq for row in TURNS if row.seq not in gone] == left


@pytest.mark.parametrize(
    ("sources", "left"),
    [
        (["input", "loop", "loop", "input", "loop", "input<4", "loop", "loop"], [3, 4, 5, 6, 7, 8]),
        (["input", "loop", "loop", "input", "loop", "fork<4", "input", "loop"], [3, 4, 6, 7, 8]),
        (["input", "loop", "loop", "input", "loop", "input<4", *["loop"] * 3], [3, 4, 5, 6, 8, 9]),
    ],
)
def test_the_state_before_a_turn_that_has_replaced_another_is_kept(
    sources: list[str], left: list[int]
) -> None:
    rows = chain(*sources)

    gone = superfluous(rows, 2, turns=1)

    assert [row.seq for row in rows if row.seq not in gone] == left


QUESTION: Final = ("input", "loop", "loop?", "loop", "loop")
NEXT: Final = ("input", "loop", "loop", "loop")


@pytest.mark.parametrize(
    ("sources", "left"),
    [
        ([*QUESTION, *NEXT], [1, 3, 5, 6, 9]),
        (["input", "loop?", "loop?", "loop", *NEXT], [1, 2, 3, 4, 5, 8]),
        (["input", "loop", "loop", "update", *NEXT], [1, 3, 4, 5, 8]),
        (["input", "loop", "loop", "update", "update", "update", *NEXT], [1, 3, 4, 5, 6, 7, 10]),
        (["input", "loop", "loop", "fork<2", "loop", *NEXT], [1, 2, 3, 4, 5, 6, 9]),
        (["input", "loop?", "update", *NEXT], [1, 2, 3, 4, 7]),  # a question that was withdrawn
        (["update", "update", *NEXT], [1, 2, 3, 6]),  # a thread that was begun by hand
    ],
)
def test_questions_and_what_was_edited_are_kept(sources: list[str], left: list[int]) -> None:
    rows = chain(*sources)

    gone = superfluous(rows, 1, turns=None)

    assert [row.seq for row in rows if row.seq not in gone] == left


def test_questions_and_edits_of_turns_that_are_not_kept_are_pruned() -> None:
    rows = chain(*QUESTION, "update", *QUESTION, *NEXT)

    assert [row.seq for row in rows if row.seq not in superfluous(rows, 1, turns=2)] == [6, 7, 9, 11, 12, 15]
    assert [row.seq for row in rows if row.seq not in superfluous(rows, 1, turns=1)] == [11, 12, 15]


class Written(NamedTuple):
    """A checkpoint to write: after which of those that are kept, from the newest; whether to prune then."""

    back: int
    source: str
    asks: bool
    prunes: bool


grown = st.builds(
    Written,
    st.sampled_from([0, 0, 0, 0, 0, 1, 2, 5]),
    st.sampled_from(["input", "loop", "loop", "loop", "update", "fork"]),
    st.sampled_from([False, False, False, True]),
    st.booleans(),
)


@given(st.lists(grown, max_size=60), st.integers(1, 6))
def test_a_thread_that_is_pruned_as_it_grows_keeps_what_it_must(steps: list[Written], kept: int) -> None:
    """Each time only what was written since the time before is looked at."""
    written: list[Row] = []
    there: list[Row] = []
    ends: set[int] = set()  # of branches, when they were pruned; others may have been continued there since
    since = 0
    for seq, step in enumerate([*steps, steps[-1]._replace(prunes=True)] if steps else [], 1):
        parent = there[-1 - min(step.back, len(there) - 1)].checkpoint_id if there else None
        row = Row(seq, ROOT, step.source, False, str(seq), parent, step.asks)
        written, there = [*written, row], [*there, row]
        if step.prunes:
            looked_at = [row for row in there if row.seq >= since]
            plan = plan_pruning(looked_at, kept, turns=None)
            gone, parents = set(plan.superfluous), new_parents(looked_at, plan.superfluous)
            there = [
                row._replace(parent_id=parents.get(row.seq, row.parent_id))
                for row in there
                if row.seq not in gone
            ]
            since = max(since, plan.oldest)
            ends |= {row.seq for row in there} - {int(row.parent_id) for row in there if row.parent_id}

    left, of_inputs = {row.seq for row in there}, {row.parent_id for row in written if row.source == "input"}
    changed = {row.parent_id for row in written if row.source in ("update", "fork")}
    must = {
        row.seq
        for row in written
        if row.source in ("input", "update", "fork")
        or row.has_asked
        or row.checkpoint_id in of_inputs | changed
    }
    before_inputs = {row.seq - 1 for row in written if row.source == "input"}
    newest = {row.seq for row in written[-kept:]}
    assert must | newest <= left
    assert left <= must | newest | before_inputs | ends
    assert all(row.parent_id is None or int(row.parent_id) in left for row in there)


FORKED: Final = [
    *[Written(0, source, asks=False, prunes=False) for source in ("input", "loop", "input", "loop")],
    Written(3, "input", asks=False, prunes=False),
    Written(1, "fork", asks=False, prunes=True),
]


@given(st.lists(grown, max_size=60), st.integers(1, 6), st.integers(1, 3))
@example(FORKED, 1, 1)
@example([*FORKED, Written(1, "input", asks=False, prunes=True)], 1, 2)
def test_what_is_left_of_a_turn_is_never_another_ones(steps: list[Written], kept: int, turns: int) -> None:
    written: list[Row] = []
    there: list[Row] = []
    for seq, step in enumerate(steps, 1):
        parent = there[-1 - min(step.back, len(there) - 1)].checkpoint_id if there else None
        row = Row(seq, ROOT, step.source, False, str(seq), parent, step.asks)
        written, there = [*written, row], [*there, row]
        gone = superfluous(there, kept, turns=turns) if step.prunes else []
        parents = new_parents(there, gone)
        there = [
            row._replace(parent_id=parents.get(row.seq, row.parent_id))
            for row in there
            if row.seq not in gone
        ]

    for row in there:
        assert _beginning(row.checkpoint_id, there) in (None, _beginning(row.checkpoint_id, written))


def _beginning(checkpoint_id: str, rows: list[Row]) -> int | None:
    by_id = {each.checkpoint_id: each for each in rows}
    row = by_id[checkpoint_id]
    while row.source != "input":
        if row.parent_id not in by_id:
            return None
        row = by_id[row.parent_id]
    return row.seq


async def test_a_question_that_was_answered_can_be_answered_otherwise_however_long_ago(
    store: StateStore,
) -> None:
    async with store.open(kept=2, turns=None) as checkpoints:
        pregel = on(checkpoints, asking("a?"))
        await turn(pregel, "one")
        asked = (await pregel.aget_state(config())).config["configurable"]["checkpoint_id"]
        for given in (answered("A"), *[each for n in range(9) for each in (f"{n}", answered("A"))]):
            await turn(pregel, given)
            await checkpoints.prune("t")

        state = await pregel.aget_state(config(checkpoint_id=asked))

        assert [each.value for each in state.interrupts] == ["a?"]
        assert state.next == ("node",)
        assert [message.content for message in state.values["messages"]] == ["one"]


@packing
async def test_what_a_task_has_returned_is_not_stored_twice(store: StateStore) -> None:
    async with store.open(kept=2, turns=None) as checkpoints:
        pregel = on(checkpoints, graph(lambda state: {"messages": [AIMessage("x" * 20_000)]}))
        for number in range(12):
            await turn(pregel, f"{number}" + "y" * 20_000)
            await checkpoints.prune("t")
        state = await pregel.aget_state(config())

    assert len(state.values["messages"]) == 24
    assert await store.size_bytes() < 1.5 * 24 * 20_000


async def test_each_turn_of_a_long_thread_can_be_gone_back_to(store: StateStore) -> None:
    async with store.open(kept=2, spare=0, turns=None) as checkpoints:
        pregel = on(checkpoints, agent())
        shown = []
        for number in range(12):
            await turn(pregel, f"{number}")
            shown.append(await texts(pregel))
            await checkpoints.prune("t")

        nodes = await checkpoints.tree("t")
        ends = [node.parent_id for node in branch(nodes) if node.source == "input"][::-1][1:]
        states = [await pregel.aget_state(config(checkpoint_id=end)) for end in ends]

        assert [[message.content for message in each.values["messages"]] for each in states] == shown[:-1]
        assert len(nodes) <= 2 * 12 + 2
