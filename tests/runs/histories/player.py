"""Does random things to a thread, and compares it with the model after each of them."""

import asyncio
import random
from typing import Any, Final

import anyio

from seltzer.errors import AppError, ThreadBusy, UnknownCheckpoint
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.run import RunSpec
from seltzer.stores.open import Retention
from tests.patience import PATIENCE_S
from tests.runs.conftest import Engines
from tests.runs.histories.graph import KINDS, World, shown
from tests.runs.histories.model import Expected, State, Turn, nearest
from tests.runs.scenario import read_all, run_spec

THREAD: Final = "t"
CRASHES: Final = 2  # with one more a run is given up


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
        before = self._expected.active
        await self._send(turn, fork)
        # The text of an answer that is cut off at this moment may not be in the log yet.
        has_cut_off = before is not self._expected.active and before is not None and before.kind == "wait"
        if self._chance.random() < 0.15 and self._may_crash() and not has_cut_off:
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
        page = await self._engine.threads.history("agent", THREAD, limit=1_000)
        return {
            str(state.checkpoint_id): [
                (each["type"], each["content"]) for each in state.values.get("messages", [])
            ]
            for state in page.states
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
