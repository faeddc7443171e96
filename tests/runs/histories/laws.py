"""What must be true of a thread after each thing that was done to it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seltzer.errors import UnknownCheckpoint, UnknownRun, UnknownThread
from seltzer.runs.engine import Engine
from seltzer.runs.run import Run
from seltzer.runs.thread import Thread
from seltzer.runs.threads.turns import Branch
from tests.runs.histories.actions import GRAPH, THREAD
from tests.runs.histories.messages import Shown, completed, is_accepted, shown
from tests.runs.histories.model import Expected, State


@dataclass(frozen=True)
class Observed:
    """A thread as its readers see it. history: the messages by checkpoint, the newest first.

    question: the checkpoint from which its last question is answered again.
    """

    runs: Mapping[str, Run]
    thread: Thread | None = None
    messages: tuple[Shown, ...] = ()
    is_asking: bool = False
    question: str | None = None
    history: Mapping[str, tuple[Shown, ...]] = field(default_factory=dict)
    branches: Sequence[Branch] = ()

    @property
    def newest(self) -> str | None:
        return next(iter(self.history), None)


async def observe(engine: Engine, run_ids: Sequence[str]) -> Observed:
    runs = {run_id: run for run_id in run_ids if (run := await find(engine, run_id)) is not None}
    try:
        thread = await engine.threads.get(GRAPH, THREAD)
    except UnknownThread:
        return Observed(runs)
    page = await engine.threads.history(GRAPH, THREAD, limit=1_000)
    return Observed(
        runs,
        thread,
        shown(await engine.messages(GRAPH, THREAD)),
        bool((await engine.threads.state(GRAPH, THREAD)).interrupts),
        await _question(engine),
        {str(state.checkpoint_id): _read(state.values) for state in page.states},
        await engine.threads.branches(GRAPH, THREAD, limit=1_000),
    )


async def find(engine: Engine, run_id: str) -> Run | None:
    try:
        return await engine.get_run(run_id)
    except UnknownRun:
        return None


async def _question(engine: Engine) -> str | None:
    try:
        return await engine.threads.newest_turn(GRAPH, THREAD)
    except UnknownCheckpoint:
        return None


def _read(values: Any) -> tuple[Shown, ...]:
    messages = values.get("messages", []) if isinstance(values, dict) else values
    return tuple(
        Shown(
            each["type"],
            each["content"],
            (each["tool_call_id"],)
            if each["type"] == "tool"
            else tuple(call["id"] for call in each.get("tool_calls") or ()),
        )
        for each in messages or ()
    )


def differences(expected: Expected, seen: Observed, *, keeps_all: bool) -> Iterator[str]:
    """Yield in what the thread isn't as it must be. keeps_all: all ends of turns are kept."""
    yield from _rows(expected, seen)
    if (seen.thread is not None) != expected.exists:
        yield f"the thread is {seen.thread}"
    if seen.thread is None:
        return
    if seen.thread.status != expected.status:
        yield f"the thread is {seen.thread.status}, not {expected.status}"
    if seen.messages != expected.tip.messages:
        yield f"it has {seen.messages}, not {expected.tip.messages}"
    if expected.active is None and seen.is_asking != (expected.question is not None):
        yield f"a question is {'open' if seen.is_asking else 'not open'}"
    yield from _states(expected, seen, keeps_all=keeps_all)
    yield from _conversations(expected, seen)


def _rows(expected: Expected, seen: Observed) -> Iterator[str]:
    """Yield which run's row isn't as the run has ended; each run that was accepted has one, and no other."""
    if seen.runs.keys() != expected.turns.keys():
        yield f"there are the runs {[*seen.runs]}, not {[*expected.turns]}"
        return
    for turn in expected.turns.values():
        run = seen.runs[turn.run_id]
        code = (run.last.data or {}).get("code", "") if run.last else ""
        if (run.status, code) != (turn.status, turn.code):
            yield f"{turn.run_id} is {run.status} {code}, not {turn.status} {turn.code}"


def _states(expected: Expected, seen: Observed, *, keeps_all: bool) -> Iterator[str]:
    """Yield which state has changed, or is gone, though a turn has begun or ended there."""
    history = seen.history
    for checkpoint_id, state in expected.states.items():
        is_there = checkpoint_id in history
        if is_there and history[checkpoint_id] != state.messages:
            yield f"the state {checkpoint_id} has {history[checkpoint_id]}, not {state.messages}"
        if is_there and _is_rolled_back(state):
            yield f"the state {checkpoint_id} was rolled back, and is there"
        if keeps_all and state.is_kept and not is_there and not _is_rolled_back(state):
            yield f"the state {checkpoint_id} is gone: {state.messages}"
    asks = expected.tip.turn.asks if expected.tip.turn else None
    if asks is not None and seen.question is not None:
        bound = expected.states.get(seen.question, asks)
        if bound is not asks:
            yield f"the last question is {seen.question}, with {bound.messages} before it"
    if asks is not None and seen.question is None and keeps_all:
        yield "no question can be answered again"


def _conversations(expected: Expected, seen: Observed) -> Iterator[str]:
    """Yield what is twice in a state, and what no provider accepts."""
    for checkpoint_id, messages in seen.history.items():
        twice = [each for each, count in Counter(messages).items() if count > 1]
        if twice:
            yield f"the state {checkpoint_id} has {twice} twice"
    if expected.active is None and not is_accepted(completed(seen.messages, ())):
        yield f"no provider accepts {seen.messages}"
    there = seen.history
    if missing := [each for each in seen.branches if each.checkpoint_id not in there]:
        yield f"the branches {missing} are not in the history"
    if there and [each.checkpoint_id for each in seen.branches if each.is_newest] != [seen.newest]:
        yield f"the newest branch is none of {seen.branches}"


def _is_rolled_back(state: State) -> bool:
    return state.turn is not None and state.turn.is_rolled_back
