"""Chooses what to do next to a thread, among what is possible or must be refused."""

import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from seltzer.errors import UnknownThread
from seltzer.runs.engine import Engine
from seltzer.runs.run import OnBusy
from tests.runs.histories.actions import (
    GRAPH,
    THREAD,
    Action,
    Cancel,
    Delete,
    Refused,
    Repeat,
    RepeatEdit,
    Resume,
    Start,
    Update,
    Withdraw,
)
from tests.runs.histories.graph import KINDS
from tests.runs.histories.laws import Observed
from tests.runs.histories.messages import Shown, completed, open_calls
from tests.runs.histories.model import LAST, Expected, Turn

ON_BUSY: Final[tuple[OnBusy, ...]] = ("reject", "enqueue", "enqueue", "interrupt", "rollback")
KEEPING: Final[tuple[OnBusy, ...]] = ("reject", "enqueue", "interrupt")  # the question, which runs again
REPLACED: Final = "replaced"


class Choices:
    """The choices for one shape of graph. number: of runs and texts there have been."""

    def __init__(self, shape: str) -> None:
        self.number = 0
        self._shape = shape
        self._starts: list[Start] = []

    async def next(
        self, chance: random.Random, expected: Expected, seen: Observed, engine: Engine
    ) -> list[Action]:
        """Return what to do in the same moment: one thing as a rule."""
        self._chance, self._expected, self._seen, self._engine = chance, expected, seen, engine
        ways: list[Callable[[], Any]] = [self._new] * 5 + [self._fork, self._again, self._edit, self._edit]
        ways += [self._regenerate] * 2 + [self._refused, self._repeat, self._delete, self._burst]
        ways += [self._update] * 3 + [self._edit_twice, self._resume]
        ways += [self._cancel] * 4 if expected.active else []
        ways += [self._results] * 4 if not expected.active else []
        ways += [self._resume] * 5 + [self._withdraw] * 2 + [self._race] if expected.question else []
        found = None
        while found is None:
            found = await chance.choice(ways)()
        actions: list[Action] = found if isinstance(found, list) else [found]
        self._starts += [each for each in actions if isinstance(each, Start)]
        return actions

    async def _new(self) -> Action:
        return self._start(text=self._text())

    async def _fork(self) -> Action | None:
        """Continue from any state that is there."""
        place = self._place()
        return None if place is None else self._start(text=self._text(), place=place)

    async def _again(self) -> Action | None:
        """Run again what is next at a state, such as a question that was answered."""
        place = self._place(lambda state: state.next != "")
        return None if place is None else self._start(place=place, on_busy=self._chance.choice(KEEPING))

    async def _regenerate(self) -> Action | None:
        """Answer the last question again."""
        place = self._seen.question
        if place is None:
            return None
        return self._start(place=place, at=(LAST, ""), on_busy=self._chance.choice(KEEPING))

    async def _edit(self) -> Action | None:
        """Begin where the turn began that has added a message: with another text, or the same."""
        if (chosen := await self._message(_is_original)) is None:
            return None
        place = await self._turn_of(*chosen)
        if place is None:
            return None
        if self._chance.random() < 0.3:
            return self._start(place=place, at=chosen, on_busy=self._chance.choice(KEEPING))
        return self._start(text=self._text(), place=place, at=chosen)

    async def _turn_of(self, message: Shown, message_id: str) -> str | None:
        """Return the checkpoint with which the message's turn begins, if that is kept."""
        place = await self._engine.threads.turn_of(GRAPH, THREAD, message_id)
        known = self._expected.states.get(place or "")
        wanted = self._expected.place_of(message)
        assert known is None or known is wanted, f"{message} came with the turn at {place}"
        return None if known is None else place

    async def _results(self) -> Action | None:
        """Return the results of calls that are open, one or all, perhaps with a text after them."""
        calls = open_calls(self._seen.messages)
        if not calls or self._expected.question:
            return None
        count = self._chance.randint(1, len(calls))
        results = tuple(self._chance.sample(calls, count))
        text = self._text() if self._chance.random() < 0.2 else ""
        return self._start(text=text, results=results, on_busy="reject")

    async def _burst(self) -> list[Action]:
        """Start some turns in the same moment; they run in the order in which they were written."""
        return [self._start(text=self._text("say"), on_busy="enqueue") for _ in range(3)]

    async def _race(self) -> list[Action]:
        """Answer a question and withdraw it in the same moment: one of these happens."""
        question = self._expected.question
        assert question is not None
        race: list[Action] = [
            self._answer(question),
            self._answer(question),
            Withdraw(self._key(), question.run_id),
        ]
        return self._chance.sample(race, 2)

    async def _edit_twice(self) -> list[Action] | None:
        """Make two edits in the same moment; the thread may be busy with the first."""
        messages = self._expected.tip.messages
        if self._shape == "function" or completed(messages, ()) != messages:
            return None
        is_list = self._shape == "list"
        return [Update(self._key(), "add", self._text("by hand"), is_list=is_list) for _ in range(2)]

    async def _resume(self) -> Action | None:
        asked = self._asked()
        return None if asked is None else self._answer(asked)

    async def _withdraw(self) -> Action | None:
        asked = self._asked()
        return None if asked is None else Withdraw(self._key(), asked.run_id)

    async def _cancel(self) -> Action:
        expected = self._expected
        active = [] if expected.active is None else [expected.active] * 3
        return Cancel(self._chance.choice([*active, *expected.queue, *expected.turns.values()]).run_id)

    async def _update(self) -> Action | None:
        """Change the messages of the newest state, or make an earlier one the newest again."""
        ways = ["copy", "undo"] + (["end"] if self._shape != "function" else [])
        messages = self._expected.tip.messages
        if self._shape != "function" and completed(messages, ()) == messages:
            ways += ["add", "add"] + (["remove", "replace"] if self._shape != "reducer" else [])
        how = self._chance.choice(ways)
        if how in ("copy", "end"):
            place = self._place(lambda state: state.next != "input")
            return None if place is None else Update(self._key(), how, place=place)
        if how == "undo":
            chosen = await self._message(_is_original)
            if chosen is None or await self._turn_of(*chosen) is None:
                return None
            return Update(self._key(), how, message=chosen[0], message_id=chosen[1])
        if how == "add":
            return Update(self._key(), how, self._text("by hand"), is_list=self._shape == "list")
        chosen = await self._message(lambda each: each.kind in ("ai", "human") and not each.calls)
        if chosen is None or (how == "replace" and chosen[0].kind != "ai"):
            return None
        message, message_id = chosen
        return Update(
            self._key(),
            how,
            self._text(REPLACED),
            message=message,
            message_id=message_id,
            is_list=self._shape == "list",
        )

    async def _repeat(self) -> Action | None:
        has_changed = self._chance.random() < 0.5
        if self._expected.edits and self._chance.random() < 0.5:
            return RepeatEdit(self._chance.choice(sorted(self._expected.edits)), has_changed)
        there = [each for each in self._starts if each.run_id in self._expected.turns]
        return Repeat(self._chance.choice(there), has_changed) if there else None

    async def _refused(self) -> Action:
        return Refused(self._chance.choice(["fork", "update", "results"]))

    async def _delete(self) -> Action | None:
        return Delete() if self._chance.random() < 0.7 else None

    def plain(self) -> Start:
        """Return a new turn that answers, whatever the thread waits for."""
        return self._start(text=self._text("say"), on_busy="rollback")

    def _start(self, **options: Any) -> Start:
        if "on_busy" not in options:
            options["on_busy"] = self._chance.choice(ON_BUSY)
        return Start(f"r{self._next()}", is_list=self._shape in ("list", "function"), **options)

    def _key(self) -> str:
        return f"edit {self._next()}"

    def _text(self, kind: str = "") -> str:
        return f"{kind or self._chance.choice(KINDS)} {self._next()}"

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _answer(self, asked: Turn) -> Resume:
        last = self._seen.runs[asked.run_id].last
        assert last is not None
        return Resume(f"r{self._next()}", asked.run_id, {last.data["interrupts"][0]["id"]: "yes"})

    def _asked(self) -> Turn | None:
        """Return the turn whose question is open, or any that has asked."""
        asked = [each for each in self._expected.turns.values() if each.status == "interrupted"]
        question = self._expected.question
        if question is not None and self._chance.random() < 0.9:
            return question
        return self._chance.choice(asked) if asked else None

    def _place(self, condition: Callable[[Any], bool] = lambda _: True) -> str | None:
        states = self._expected.states.items()
        places = [at for at, state in states if at in self._seen.history and condition(state)]
        return self._chance.choice(places) if places else None

    async def _message(self, condition: Callable[[Shown], bool]) -> tuple[Shown, str] | None:
        """Return a message of the thread with its id, if there is such a one."""
        try:
            messages = await self._engine.messages(GRAPH, THREAD)
        except UnknownThread:
            return None
        found = [
            (each, str(message.id))
            for each, message in zip(self._seen.messages, messages, strict=True)
            if message.id and condition(each)
        ]
        return self._chance.choice(found) if found else None


def _is_original(message: Shown) -> bool:
    """Return whether the message is as its turn has added it: the model finds the turn by its text."""
    return not message.text.startswith(REPLACED)


def sequence(actions: Sequence[Action]) -> str:
    return " | ".join(map(repr, actions))
