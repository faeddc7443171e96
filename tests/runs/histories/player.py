"""Does random things to a thread, and compares it with the model after each of them.

What a process was killed in has happened or not: then there are several models, and those are dropped of
which the thread differs.
"""

import asyncio
import random
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Final

import anyio

from seltzer.errors import AppError, ThreadBusy, UnknownCheckpoint, UnknownThread
from seltzer.runs.engine import Engine
from seltzer.stores.options import Retention
from tests.patience import PATIENCE_S
from tests.runs.conftest import Engines
from tests.runs.histories.actions import GRAPH, THREAD, Action, Cancel, Refusal, Resume, Start
from tests.runs.histories.choices import Choices, sequence
from tests.runs.histories.deaths import Deaths
from tests.runs.histories.graph import World
from tests.runs.histories.laws import Observed, differences, find, observe
from tests.runs.histories.model import Expected, nearest
from tests.runs.histories.shapes import SHAPES
from tests.runs.scenario import read_all

CRASHES: Final = 2  # with one more a run is given up


class Player:
    """Plays against engines. log: what was done, for whoever reads a failure."""

    def __init__(self, engines: Engines, shape: str, seed: int) -> None:
        self.log: list[str] = []
        self._engines = engines
        self._shape = shape
        self._seed = seed
        chance = random.Random(seed)
        self._keeping = Retention(checkpoints=chance.choice([2, 6, 20]), turns=chance.choice([0, 0, 0, 1, 3]))
        self._models = [Expected(is_function=shape == "function")]
        self._choices = Choices(shape)
        self._deaths = Deaths()
        self._world: World
        self._engine: Engine
        self._seen = Observed({})
        self._begun: set[str] = set()  # the runs that were compared since they have begun

    async def play(self, steps: Collection[int]) -> None:
        """Do something in each of the steps, whose number decides what, and compare after each."""
        try:
            await self._open()
            for step in steps:
                await self._step(random.Random(f"{self._seed} {step}"))
                await self._compare()
            await self._finish()
        except Pruned:
            return
        except BaseException as error:
            error.add_note("\n".join([f"{self._shape}, seed {self._seed}, {self._keeping}", *self.log]))
            raise
        finally:
            await self._engine.aclose()

    async def _open(self, folder: Path | None = None) -> None:
        self._world = World()
        self._engine = await self._engines(
            SHAPES[self._shape](self._world), folder=folder, keeping=self._keeping, change=self._deaths.watch
        )

    async def _step(self, chance: random.Random) -> None:
        what = chance.random()
        turns = [turn for model in self._models for turn in model.turns.values() if turn.is_active]
        may_die = all(turn.crashes < CRASHES for turn in turns)
        if what < 0.06:
            await self._restart()
            return
        if what < 0.1 and may_die:
            await self._killed([], 0)
            return
        actions = await self._choices.next(chance, self._models[0], self._seen, self._engine)
        if what < 0.3 and may_die and len(actions) == 1 and not self._loses_inputs(actions[0]):
            await self._killed(actions, chance.choice([0, 1, 2, 3, 4, 6, 8, 12]))
        elif len(actions) == 1:
            await self._do(actions[0])
        else:
            await self._do_together(actions)

    def _loses_inputs(self, action: Action) -> bool:
        """Return whether LangGraph would pass a subgraph with a memory no input if the process died in it."""
        return self._shape == "memory" and isinstance(action, Start | Resume | Cancel)

    async def _do(self, action: Action) -> None:
        self.log.append(repr(action))
        found = await self._outcome(action)
        if found is UnknownCheckpoint and await self._is_pruned(action):
            return
        wanted = [action.refusal(model) for model in self._models]
        assert found in wanted, f"{found} instead of {wanted}"
        self._models = [model for model in self._models if action.refusal(model) is found]
        if found is None:
            for model in self._models:
                action.apply(model)

    async def _is_pruned(self, action: Action) -> bool:
        """Return whether the action's place was pruned since it was chosen."""
        place = getattr(action, "place", None)
        return place is not None and place not in (await observe(self._engine, [])).history

    async def _do_together(self, actions: Sequence[Action]) -> None:
        """Do things in the same moment: in whichever order, of a question's answers only one."""
        self.log.append(sequence(actions))
        found = await asyncio.gather(*map(self._outcome, actions))
        done = [action for action, error in zip(actions, found, strict=True) if error is None]
        self._models = [
            after
            for model in self._models
            for order in permutations(done)
            if (after := _after_all(model, order, actions, found)) is not None
        ]
        assert self._models, found

    async def _outcome(self, action: Action) -> Refusal:
        try:
            await action.do(self._engine)
        except AppError as error:
            return type(error)
        return None

    async def _killed(self, actions: Sequence[Action], after: int) -> None:
        """Kill the process after so many writes since the action's beginning: it may have happened."""
        self.log.append(f"killed after {after} writes: {sequence(actions)}")
        engine = self._engine
        self._deaths.arm(after, partial(self._engines.killed, engine))
        before, self._models = self._models, []
        for model in before:
            self._models += _dead(deepcopy(model))
        for action in actions:
            found = await self._outcome(action)
            if found is None:
                done = [
                    each for model in before if action.refusal(model) is None for each in _done(model, action)
                ]
                assert done, f"{action} was accepted"
                await self._until_quiet([*before, *done])
                self._models += [after for model in done for after in _dead(model)]
        folder = await self._deaths.strike()
        await engine.aclose()
        await self._open(folder)
        self._engines.move_to(folder)

    async def _restart(self) -> None:
        self.log.append("restart")
        self._models = [after for model in self._models for after in _dead(model, has_crashed=False)]
        await self._engine.aclose()
        await self._open()

    async def _compare(self) -> None:
        """Wait until every run is where a model has it, and keep the models that are as the thread is."""
        with anyio.fail_after(PATIENCE_S):
            await self._until_quiet(self._models)
            run_ids = dict.fromkeys(run_id for model in self._models for run_id in model.turns)
            self._seen = seen = await observe(self._engine, [*run_ids])
        keeps_all = self._keeping.turns == 0
        found = [(model, [*differences(model, seen, keeps_all=keeps_all)]) for model in self._models]
        self._models = [model for model, differing in found if not differing]
        if not self._models:
            self._check_pruned([model for model, _ in found])
        assert self._models, "\nor ".join("\n".join(differing) for _, differing in found)
        for model in self._models:
            self._bind(model)
            self._begun.update(turn.run_id for turn in model.turns.values() if turn.status != "pending")

    def _bind(self, model: Expected) -> None:
        """Note by which checkpoints the model's states are known."""
        asks = model.tip.turn.asks if model.tip.turn else None
        if self._seen.question is not None and asks is not None:
            model.states.setdefault(self._seen.question, asks)
        if self._seen.newest is not None:
            model.states.setdefault(self._seen.newest, model.tip)

    def _check_pruned(self, models: Sequence[Expected]) -> None:
        """Raise Pruned if a run has just failed, or begun elsewhere, as its state isn't kept any more."""
        for model in models:
            for turn in model.turns.values():
                if turn.run_id in self._begun:
                    continue
                base = None if turn.place is None else nearest(turn.place)
                is_there = any(model.states.get(each) is base for each in self._seen.history)
                if base is not None and not is_there and not (base.is_kept and self._keeping.turns == 0):
                    raise Pruned

    async def _until_quiet(self, models: Sequence[Expected]) -> None:
        """Wait until each run has ended, waits for another, or has come to where it never ends."""
        run_ids = {run_id for model in models for run_id in model.turns}
        there = [run for run_id in run_ids if (run := await find(self._engine, run_id)) is not None]
        for run in sorted(there, key=lambda each: each.number):
            run_id = run.spec.run_id
            blocks = any(model.active is not None and model.active.run_id == run_id for model in models)
            if not run.is_active or (not blocks and all(_waits(model, run_id) for model in models)):
                continue
            if await self._has_reached(run_id, blocks=blocks):
                return
        await self._edit_ends(run_ids)

    async def _edit_ends(self, run_ids: Collection[str]) -> None:
        """Wait for the end of the run by which an edit had the thread to itself, if it was killed."""
        with suppress(UnknownThread):
            run = (await self._engine.threads.get(GRAPH, THREAD)).run
            if run is not None and run.is_active and run.spec.run_id not in run_ids:
                await read_all(self._engine.follow(run.spec.run_id))

    async def _has_reached(self, run_id: str, *, blocks: bool) -> bool:
        """Wait until the run has come to where it never ends, or else has ended; return which."""
        reached = asyncio.ensure_future(self._world.reached[run_id].wait())
        ended = asyncio.ensure_future(read_all(self._engine.follow(run_id)))
        try:
            await asyncio.wait({reached, ended} if blocks else {ended}, return_when=asyncio.FIRST_COMPLETED)
            return blocks and not ended.done()
        finally:
            reached.cancel()
            ended.cancel()
            await asyncio.wait({reached, ended})

    async def _finish(self) -> None:
        """End what never ends; the thread must work."""
        while (active := self._models[0].active) is not None:
            await self._do(Cancel(active.run_id))
            await self._compare()
        start = self._choices.plain()
        await self._do(start)
        await self._compare()
        assert self._models[0].turns[start.run_id].status == "success"


def _dead(model: Expected, *, has_crashed: bool = True) -> list[Expected]:
    """Return the model after the process's end; of a function the answer that it has got may be stored."""
    active = model.active
    has_answer = model.is_function and active is not None and active.answers is not None
    continuing = [deepcopy(model)] if has_answer else []
    for each in continuing:
        for turn in each.turns.values():
            turn.crashes += has_crashed and turn.is_active
    model.die(has_crashed=has_crashed)
    return [model, *continuing]


def _waits(model: Expected, run_id: str) -> bool:
    turn = model.turns.get(run_id)
    return turn is None or turn in model.queue


def _after_all(
    model: Expected, order: Sequence[Action], actions: Sequence[Action], found: Sequence[Refusal]
) -> Expected | None:
    """Return the model after these, in their order; None if it couldn't be so."""
    after = deepcopy(model)
    for action in order:
        if action.refusal(after) is not None:
            return None
        action.apply(after)
    refused = [each for each in zip(actions, found, strict=True) if each[1] is not None]
    is_due = all((order and error is ThreadBusy) or action.refusal(after) for action, error in refused)
    return after if is_due else None


def _done(model: Expected, action: Action) -> Iterator[Expected]:
    """Yield what may have become of the thread if the action has happened."""
    after = deepcopy(model)
    action.apply(after)
    yield after
    if isinstance(action, Start | Cancel) and model.active is not None and model.active.kind == "wait":
        without_text = deepcopy(model)
        without_text.loses_text = True
        action.apply(without_text)
        without_text.loses_text = False
        yield without_text
    if isinstance(action, Resume) and after.active is None:
        asked_again = deepcopy(model)
        turn = action.turn(asked_again)
        asked_again.ask_again(turn, asked_again.turns[action.answered])
        yield asked_again


class Pruned(Exception):
    """A turn's state was pruned between its request and its row, and those before it; the model ends here."""
