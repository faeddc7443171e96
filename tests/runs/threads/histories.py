"""A player that does random things to a thread, and a model of what the thread must hold after each of them.

A turn's text says what the graph does, so that the model can tell what becomes of it:

    say       answers
    tool      calls a tool, and answers
    client    ends on a call that its client is to run
    wait      begins an answer, and never ends
    stuck     calls a tool that never ends
    ask       asks; answers when it is answered
    askwait   asks; when it is answered, never ends
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import anyio
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt
from pydantic import ConfigDict

from seltzer.errors import AppError, NotInterrupted, ThreadBusy, ThreadInterrupted, UnknownCheckpoint
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import OnBusy, RunSpec
from seltzer.runs.threads.open_calls import NO_RESULT
from seltzer.runs.threads.results import CONTINUED
from seltzer.stores.open import Retention
from tests.patience import PATIENCE_S
from tests.runs.conftest import Engines
from tests.runs.scenario import read_all, run_spec
from tests.runs.scripted import Messages

THREAD: Final = "t"
KINDS: Final = ("say", "tool", "client", "wait", "stuck", "ask", "askwait")
BLOCKING: Final = ("wait", "stuck")
ASKING: Final = ("ask", "askwait")
CRASHES: Final = 2  # with one more a run is given up


class World:
    """One process's graph. reached: by text, whether its turn has come to where it never ends."""

    def __init__(self) -> None:
        self.reached: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def block(self, text: str) -> None:
        self.reached[text].set()
        await asyncio.Event().wait()

    def graph(self) -> AnyPregel:
        model = Model(world=self)

        @tool
        async def work(text: str) -> str:
            """Do what the text says."""
            if text.startswith("stuck"):
                await self.block(text)
            return f"did {text}"

        async def say(state: Messages) -> Any:
            text = last_human(state["messages"])
            if text.startswith(ASKING):
                answer = interrupt(text)
                if text.startswith("askwait"):
                    await self.block(text)
                return {"messages": [AIMessage(f"{answer} to {text}")]}
            return {"messages": [await model.ainvoke(state["messages"])]}

        def where_next(state: Messages) -> str:
            last = state["messages"][-1]
            calls = isinstance(last, AIMessage) and last.tool_calls
            return "tools" if calls and not last_human(state["messages"]).startswith("client") else END

        builder = StateGraph(Messages).add_node("model", say).add_node("tools", ToolNode([work]))
        builder.add_edge(START, "model").add_edge("tools", "model")
        return builder.add_conditional_edges("model", where_next, ["tools", END]).compile()


class Model(BaseChatModel):
    """Refuses a conversation that no provider accepts."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    world: World

    @property
    def _llm_type(self) -> str:
        return "playing"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        assert is_accepted(shown(messages)), messages
        text = last_human(messages)
        if text.startswith("wait"):
            yield _chunk(content=f"half {text}")
            await self.world.block(text)
        elif messages[-1].type == "human" and text.startswith(("tool", "stuck", "client")):
            args_ = f'{{"text": "{text}"}}'
            yield _chunk(
                content="", tool_call_chunks=[tool_call_chunk(name="work", args=args_, id=text, index=0)]
            )
        else:
            yield _chunk(content=f"said {text}")
        yield _chunk(content="", chunk_position="last")


def _chunk(**options: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(**options))


def last_human(messages: Sequence[BaseMessage]) -> str:
    return next(message.text for message in reversed(messages) if isinstance(message, HumanMessage))


class Shown(NamedTuple):
    """A message as the model has it. call: the id of the call that it makes or answers."""

    kind: str
    text: str
    call: str = ""


def shown(messages: Sequence[BaseMessage]) -> tuple[Shown, ...]:
    found = []
    for message in messages:
        call = ""
        if isinstance(message, ToolMessage):
            call = message.tool_call_id
        elif isinstance(message, AIMessage) and message.tool_calls:
            call = str(message.tool_calls[0]["id"])
        found.append(Shown(message.type, message.text, call))
    return tuple(found)


def is_accepted(messages: Sequence[Shown]) -> bool:
    """Return whether a provider accepts it: each call has its result right after it."""
    due = ""
    for each in messages:
        if (each.kind == "tool") != bool(due) or (due and each.call != due):
            return False
        due = each.call if each.kind == "ai" else ""
    return not due


@dataclass(eq=False)
class State:
    """A state of the thread: its messages, and the turn that has written it."""

    messages: tuple[Shown, ...] = ()
    turn: "Turn | None" = None


@dataclass(eq=False)
class Turn:
    """A run. base: the state that it began from; tip: the thread's newest one then."""

    run_id: str
    text: str
    on_busy: OnBusy = "reject"
    fork: State | None = None
    answers: "Turn | None" = None
    status: str = "pending"
    code: str = ""
    base: State = field(default_factory=State)
    tip: State = field(default_factory=State)
    crashes: int = 0
    is_rolled_back: bool = False

    @property
    def kind(self) -> str:
        return self.text.partition(" ")[0]

    @property
    def asker(self) -> "Turn":
        """The turn whose question is answered, at the beginning of a chain of answers; without one itself."""
        return self if self.answers is None else self.answers.asker


class Expected:
    """What the thread must hold. active never ends of itself; queue waits for it; question is open."""

    def __init__(self) -> None:
        self.tip = State()
        self.active: Turn | None = None
        self.queue: list[Turn] = []
        self.question: Turn | None = None

    @property
    def status(self) -> str:
        if self.active is not None:
            return "busy"
        return "interrupted" if self.question is not None else "idle"

    def refusal(self, turn: Turn) -> type[AppError] | None:
        """Return the error that the turn gets at once, if it does."""
        if turn.answers is not None:
            return NotInterrupted if self.active or self.question is not turn.answers else None
        if self.active is not None:
            return ThreadBusy if turn.on_busy == "reject" else None
        return ThreadInterrupted if self.question and turn.on_busy != "rollback" else None

    def start(self, turn: Turn) -> None:
        """Begin the turn, at once or in its turn."""
        if self.active is not None and turn.on_busy == "enqueue":
            self.queue.append(turn)
            return
        if self.active is not None:
            for waiting in self.queue:
                waiting.status = "cancelled"
            self.queue = []
            self.end_active(rolls_back=turn.on_busy == "rollback")
        self.begin(turn)

    def begin(self, turn: Turn) -> None:
        if turn.answers is not None:
            self._answer(turn)
            return
        if self.question is not None and turn.on_busy == "rollback":
            self._roll_back(self.question.asker)
            self.question = None
        if self.question is not None:
            turn.status, turn.code = "error", "thread_interrupted"
            return
        turn.tip, turn.base = self.tip, self._base(turn)
        human, call = Shown("human", turn.text), Shown("ai", "", turn.text)
        begun = (*_completed(turn.base.messages), human)
        added = {
            "say": (Shown("ai", f"said {turn.text}"),),
            "tool": (call, Shown("tool", f"did {turn.text}", turn.text), Shown("ai", f"said {turn.text}")),
            "client": (call,),
            "stuck": (call,),
        }.get(turn.kind, ())
        self.tip = State((*begun, *added), turn)
        turn.status = "success"
        if turn.kind in BLOCKING:
            self.active, turn.status = turn, "running"
        elif turn.kind in ASKING:
            self.question, turn.status = turn, "interrupted"

    def end_active(self, *, rolls_back: bool) -> None:
        """Cancel the active turn."""
        assert self.active is not None
        turn, self.active = self.active, None
        turn.status = "cancelled"
        if turn.answers is not None:  # its question stands
            self.question = turn.answers
        elif rolls_back:
            self._roll_back(turn)
        elif turn.kind == "wait":
            self.tip = State((*self.tip.messages, Shown("ai", f"half {turn.text}")), turn)
        else:
            self.tip = State((*self.tip.messages, Shown("tool", NO_RESULT, turn.text)), turn)

    def die(self) -> None:
        """Have the process end. An answer that the graph has only begun to use is asked for again."""
        if self.active is not None and self.active.answers is not None:
            self.question, self.active = self.active, None
            self.question.status = "interrupted"
            self.begin_waiting()

    def begin_waiting(self) -> None:
        """Begin what waits, one after the other, until one of them never ends."""
        while self.queue and self.active is None:
            self.begin(self.queue.pop(0))

    def _answer(self, turn: Turn) -> None:
        assert turn.answers is not None
        self.question = None
        if turn.asker.kind == "askwait":
            self.active, turn.status = turn, "running"
            return
        answer = Shown("ai", f"yes to {turn.asker.text}")
        turn.base = turn.tip = self.tip
        self.tip = State((*self.tip.messages, answer), turn)
        turn.status = "success"

    def _base(self, turn: Turn) -> State:
        state = nearest(turn.fork) if turn.fork is not None else self.tip
        return state if state.turn is not None else self.tip

    def _roll_back(self, turn: Turn) -> None:
        turn.is_rolled_back = True
        self.tip = turn.tip


def nearest(state: State) -> State:
    """Return the state itself, or the nearest one before it that wasn't rolled back."""
    while state.turn is not None and state.turn.is_rolled_back:
        state = state.turn.base
    return state


def _completed(messages: tuple[Shown, ...]) -> tuple[Shown, ...]:
    last = messages[-1] if messages else None
    is_open = last is not None and last.kind == "ai" and last.call
    return (*messages, Shown("tool", CONTINUED, last.call)) if last and is_open else messages


class Player:
    """Plays against an engine. log: what was done, for whoever reads a failure."""

    def __init__(self, engines: Engines, seed: int) -> None:
        self.log: list[str] = []
        self._engines = engines
        self._chance = random.Random(seed)
        self._keeping = Retention(checkpoints=self._chance.choice([2, 6, 20]))
        self._expected = Expected()
        self._turns: list[Turn] = []
        self._states: dict[str, State] = {}
        self._questions: dict[str, str] = {}  # by run
        self._number = 0
        self._exists = False
        self._world = World()
        self._engine: Engine

    async def open(self, folder: Any = None) -> None:
        self._world = World()
        self._engine = await self._engines(self._world.graph(), folder=folder, keeping=self._keeping)

    async def play(self, steps: int) -> None:
        """Do so many things, and compare after each."""
        try:
            await self.open()
            for _ in range(steps):
                await self._step()
                await self._settle()
            await self._finish()
        except Pruned:
            return
        except BaseException as error:
            error.add_note("\n".join(self.log))
            raise

    async def _step(self) -> None:
        """Do something that is possible now."""
        expected = self._expected
        ways: list[Any] = [self._start] * 6 + [self._burst, self._delete]
        ways += [self._cancel] * 3 if expected.active else []
        ways += [self._kill] if self._may_crash() else []
        ways += [self._cancel_waiting] if expected.queue else []
        ways += [self._resume] * 6 if expected.question else [self._resume]
        await self._chance.choice([*ways, self._restart])()

    def _may_crash(self) -> bool:
        return self._expected.active is None or self._expected.active.crashes < CRASHES

    async def _start(self) -> None:
        turn = self._turn(self._chance.choice(KINDS))
        turn.on_busy = self._chance.choice(["reject", "enqueue", "enqueue", "interrupt", "rollback"])
        fork = self._chance.choice([None, None, *self._states]) if self._states else None
        turn.fork = self._states[fork] if fork else None
        self.log.append(f"start {turn.text!r} on_busy={turn.on_busy} fork={fork}")
        await self._send(turn, fork)
        if self._chance.random() < 0.15 and self._may_crash():
            await self._kill()  # amid it

    async def _send(self, turn: Turn, fork: str | None) -> None:
        refusal = self._expected.refusal(turn)
        was_there = fork is None or fork in await self._history()
        spec = run_spec(turn.text, run_id=turn.run_id, on_busy=turn.on_busy, checkpoint_id=fork)
        found = await self._refusal(spec)
        if found is UnknownCheckpoint:
            assert not was_there or fork not in await self._history()
            return
        assert found is refusal, found
        if found is not None:
            return
        self._exists = True
        self._turns.append(turn)
        self._expected.start(turn)

    async def _refusal(self, spec: RunSpec) -> type[AppError] | None:
        """Start the run; return the error that it gets at once, if it does."""
        try:
            await self._engine.start(spec)
        except AppError as error:
            return type(error)
        return None

    async def _burst(self) -> None:
        """Start some turns in the same moment; they run in the order in which they were written."""
        turns = [self._turn("say") for _ in range(3)]
        self.log.append(f"burst {[turn.text for turn in turns]}")
        for turn in turns:
            turn.on_busy = "enqueue"
        refusal = self._expected.refusal(turns[0])
        specs = [run_spec(turn.text, run_id=turn.run_id, on_busy="enqueue") for turn in turns]
        results = await asyncio.gather(*map(self._engine.start, specs), return_exceptions=True)
        if refusal is not None:
            assert [type(each) for each in results] == [refusal] * 3, results
            return
        numbers = [(await self._engine.get_run(turn.run_id)).number for turn in turns]
        self._exists = True
        for _, turn in sorted(zip(numbers, turns, strict=True), key=lambda each: each[0]):
            self._turns.append(turn)
            self._expected.start(turn)

    async def _cancel(self) -> None:
        turn = self._expected.active
        assert turn is not None
        self.log.append(f"cancel {turn.text!r}")
        await self._engine.cancel(turn.run_id)
        self._expected.end_active(rolls_back=False)
        self._expected.begin_waiting()

    async def _cancel_waiting(self) -> None:
        turn = self._chance.choice(self._expected.queue)
        self.log.append(f"cancel waiting {turn.text!r}")
        await self._engine.cancel(turn.run_id)
        self._expected.queue.remove(turn)
        turn.status = "cancelled"

    async def _resume(self) -> None:
        question = self._expected.question or self._any_question()
        if question is None:
            return
        turn = self._turn("answer")
        turn.answers = question
        self.log.append(f"resume {question.text!r}")
        refusal = self._expected.refusal(turn)
        answers = {self._questions[question.run_id]: "yes"}
        spec = run_spec(run_id=turn.run_id, answers=answers, answered=question.run_id)
        found = await self._refusal(spec)
        assert found is refusal, found
        if found is not None:
            return
        self._turns.append(turn)
        self._expected.start(turn)

    def _any_question(self) -> Turn | None:
        asked = [turn for turn in self._turns if turn.run_id in self._questions]
        return self._chance.choice(asked) if asked else None

    async def _delete(self) -> None:
        self.log.append("delete")
        if not self._exists:
            return
        try:
            await self._engine.threads.delete("agent", THREAD)
        except ThreadBusy:
            assert self._expected.active is not None
            return
        assert self._expected.active is None
        self._expected, self._exists = Expected(), False
        self._turns, self._states, self._questions = [], {}, {}

    async def _kill(self) -> None:
        self.log.append("kill")
        folder = self._engines.killed(self._engine)
        for turn in self._turns:
            turn.crashes += turn.status == "running"
        await self._engine.aclose()
        self._expected.die()
        await self.open(folder)
        self._engines.move_to(folder)

    async def _restart(self) -> None:
        self.log.append("restart")
        self._expected.die()
        await self._engine.aclose()
        await self.open()

    def _turn(self, kind: str) -> Turn:
        self._number += 1
        return Turn(f"r{self._number}", f"{kind} {self._number}")

    async def _settle(self) -> None:
        """Wait until every run is where the model has it, and compare."""
        with anyio.fail_after(PATIENCE_S):
            await self._wait()
            await self._check()

    async def _wait(self) -> None:
        for turn in self._turns:
            if turn.status == "pending":
                continue
            last = await self._last(turn) if turn.status == "running" else await self._end(turn)
            code = (last.data or {}).get("code", "") if last is not None else ""
            if code == "unknown_checkpoint" and turn.fork is not None:
                wanted = nearest(turn.fork)
                assert wanted.turn is not None
                assert not [each for each in await self._history() if self._states.get(each) is wanted]
                raise Pruned
            assert code == turn.code, turn
            assert (last is None) == (turn.status == "running"), turn

    async def _end(self, turn: Turn) -> Event:
        """Return the terminal event of a turn that ends."""
        last = (await read_all(self._engine.follow(turn.run_id)))[-1]
        if last.kind == "interrupted":
            self._questions[turn.run_id] = last.data["interrupts"][0]["id"]
        return last

    async def _last(self, turn: Turn) -> Event | None:
        """Wait until a turn has come to where it never ends; return its terminal event if it ends before."""
        reached = asyncio.ensure_future(self._world.reached[turn.asker.text].wait())
        ended = asyncio.ensure_future(self._end(turn))
        try:
            await asyncio.wait({reached, ended}, return_when=asyncio.FIRST_COMPLETED)
            return None if reached.done() else ended.result()
        finally:
            reached.cancel()
            ended.cancel()
            await asyncio.wait({reached, ended})

    async def _check(self) -> None:
        """Compare the thread with the model."""
        expected = self._expected
        for turn in self._turns:
            assert (await self._engine.get_run(turn.run_id)).status == turn.status, turn
        if not self._exists:
            return
        assert shown(await self._engine.messages("agent", THREAD)) == expected.tip.messages
        thread = await self._engine.threads.get("agent", THREAD)
        assert thread.status == expected.status
        state = await self._engine.threads.state("agent", THREAD)
        if expected.active is None:  # else it may be answered at this moment
            assert bool(state.interrupts) == (expected.question is not None)
        if state.checkpoint_id is not None:
            self._states.setdefault(state.checkpoint_id, expected.tip)
        for checkpoint_id, messages in (await self._history()).items():
            if checkpoint_id in self._states:
                known = [(each.kind, each.text) for each in self._states[checkpoint_id].messages]
                assert messages == known, checkpoint_id

    async def _history(self) -> dict[str, list[tuple[str, str]]]:
        """Return the messages of each of the thread's states that is kept."""
        if not self._exists:
            return {}
        states = await self._engine.threads.history("agent", THREAD, limit=1_000)
        return {
            str(state.checkpoint_id): [
                (each["type"], each["content"]) for each in state.values.get("messages", [])
            ]
            for state in states
        }

    async def _finish(self) -> None:
        """End what never ends; the thread must work."""
        while self._expected.active is not None:
            await self._cancel()
            await self._settle()
        turn = self._turn("say")
        turn.on_busy = "rollback"
        await self._send(turn, None)
        await self._settle()
        assert turn.status == "success"


class Pruned(Exception):
    """A turn's state was pruned between its request and its row, and those before it; the model ends here."""
