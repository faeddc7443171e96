"""What is done to a thread, as data: how the engine does it, and what the model has become of it.

Runs, checkpoints and messages are named by what both sides have: ids of runs and checkpoints, and texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.graph import END

from seltzer.errors import (
    AppError,
    IdempotencyConflict,
    InvalidInput,
    NotInterrupted,
    RunDeleted,
    ThreadBusy,
    ThreadInterrupted,
    UnknownCheckpoint,
    UnknownThread,
)
from seltzer.runs.edits.edits import EditId
from seltzer.runs.edits.updates import COPY, StateUpdate
from seltzer.runs.engine import Engine
from seltzer.runs.event import Json
from seltzer.runs.run import OnBusy, RunSpec
from tests.runs.histories.messages import Shown
from tests.runs.histories.model import Expected, Turn, before

GRAPH: Final = "agent"
THREAD: Final = "t"

Refusal = type[AppError] | None


class Action(Protocol):
    async def do(self, engine: Engine) -> None: ...

    def refusal(self, expected: Expected) -> Refusal:
        """Return the error that it gets at once, if it does."""
        ...

    def apply(self, expected: Expected) -> None: ...


@dataclass(frozen=True)
class Start:
    """A new turn: of a text or of results, by their calls; with neither, a place is run again.

    at: the message whose turn's beginning is the place, with its id, as it is when the run begins.
    """

    run_id: str
    text: str = ""
    results: tuple[str, ...] = ()
    on_busy: OnBusy = "reject"
    place: str | None = None
    at: tuple[Shown, str] | None = None
    is_list: bool = False

    async def do(self, engine: Engine) -> None:
        await engine.start(self.spec())

    def spec(self) -> RunSpec:
        given: list[Any] = [
            ToolMessage(f"result of {call}", tool_call_id=call, id=f"result of {call}")
            for call in self.results
        ]
        given += [HumanMessage(self.text, id=self.text)] if self.text else []
        wrapped: Any = given if self.is_list else {"messages": given}
        return RunSpec(
            GRAPH,
            wrapped if given else None,
            THREAD,
            self.run_id,
            on_busy=self.on_busy,
            checkpoint_id=None if self.at else self.place,
            from_message=self.at[1] if self.at else None,
            digest="d",
        )

    def refusal(self, expected: Expected) -> Refusal:
        if self.place is not None and self.place not in expected.states:
            return UnknownCheckpoint
        if self.place is not None and not self._given() and not expected.states[self.place].next:
            return InvalidInput
        if expected.active is not None:
            return ThreadBusy if self.on_busy == "reject" else None
        return ThreadInterrupted if expected.question and self.on_busy != "rollback" else None

    def apply(self, expected: Expected) -> None:
        place = None if self.place is None else expected.states[self.place]
        at = self.at[0] if self.at else None
        expected.start(Turn(self.run_id, self.text, self._given(), self.on_busy, place, at))

    def _given(self) -> tuple[Shown, ...]:
        results = tuple(Shown("tool", f"result of {call}", (call,)) for call in self.results)
        return (*results, Shown("human", self.text)) if self.text else results


@dataclass(frozen=True)
class Resume:
    run_id: str
    answered: str
    answers: Mapping[str, Json]

    async def do(self, engine: Engine) -> None:
        spec = RunSpec(
            GRAPH, None, THREAD, self.run_id, answers=self.answers, answered=self.answered, digest="d"
        )
        await engine.start(spec)

    def refusal(self, expected: Expected) -> Refusal:
        return _not_asked(expected, self.answered)

    def apply(self, expected: Expected) -> None:
        expected.start(self.turn(expected))

    def turn(self, expected: Expected) -> Turn:
        return Turn(self.run_id, answers=expected.turns[self.answered])


@dataclass(frozen=True)
class Withdraw:
    key: str
    asked: str

    async def do(self, engine: Engine) -> None:
        run = await engine.edits.withdraw(await engine.get_run(self.asked), EditId(self.key, "d"))
        assert run.status == "cancelled", run

    def refusal(self, expected: Expected) -> Refusal:
        return _not_asked(expected, self.asked)

    def apply(self, expected: Expected) -> None:
        expected.edits.add(self.key)
        expected.withdraw()


@dataclass(frozen=True)
class Cancel:
    run_id: str

    async def do(self, engine: Engine) -> None:
        await engine.cancel(self.run_id)

    def refusal(self, expected: Expected) -> Refusal:
        return None

    def apply(self, expected: Expected) -> None:
        turn = expected.turns[self.run_id]
        if expected.active is turn:
            expected.end_active()
            expected.begin_waiting()
        elif turn in expected.queue:
            expected.queue.remove(turn)
            turn.status = "cancelled"


@dataclass(frozen=True)
class Update:
    """An update by hand: a message is added, replaced or removed, or a state becomes the newest again.

    That is the one at the place, or, to undo, the one before the turn that has added the message.
    """

    key: str
    how: str
    text: str = ""
    place: str | None = None
    message: Shown | None = None
    message_id: str = ""
    is_list: bool = False

    async def do(self, engine: Engine) -> None:
        changes: dict[str, Any] = {
            "add": AIMessage(self.text, id=self.text),
            "replace": AIMessage(self.text, id=self.message_id),
            "remove": RemoveMessage(self.message_id) if self.message_id else None,
        }
        if self.how in changes:
            changed = [changes[self.how]]
            values = changed if self.is_list else {"messages": changed}
            update = StateUpdate(values, "model", self.place)
        elif self.how == "undo":
            update = StateUpdate(None, COPY, from_message=self.message_id)
        else:
            update = StateUpdate(None, COPY if self.how == "copy" else END, self.place)
        await engine.edits.update(GRAPH, THREAD, update, EditId(self.key, "d"))

    def refusal(self, expected: Expected) -> Refusal:
        if not expected.exists:
            return UnknownThread
        if self.place is not None and self.place not in expected.states:
            return UnknownCheckpoint
        if expected.active is not None:
            return ThreadBusy
        return ThreadInterrupted if expected.question else None

    def apply(self, expected: Expected) -> None:
        base = expected.tip if self.place is None else expected.states[self.place]
        if self.how == "undo" and self.message is not None:
            base = before(expected.place_of(self.message))
        messages = base.messages
        if self.how == "add":
            messages = (*messages, Shown("ai", self.text))
        elif self.how != "undo" and self.message is not None:
            by_hand = (Shown("ai", self.text),) if self.how == "replace" else ()
            at = messages.index(self.message)
            messages = (*messages[:at], *by_hand, *messages[at + 1 :])
        expected.edits.add(self.key)
        expected.write(messages, base, base.next if self.how == "copy" else "")


@dataclass(frozen=True)
class Delete:
    async def do(self, engine: Engine) -> None:
        await engine.threads.delete(GRAPH, THREAD)

    def refusal(self, expected: Expected) -> Refusal:
        if not expected.exists:
            return UnknownThread
        return ThreadBusy if expected.active else None

    def apply(self, expected: Expected) -> None:
        expected.delete()


@dataclass(frozen=True)
class Repeat:
    """A start that is sent again by its key: it is the same run, and nothing happens."""

    start: Start
    has_changed: bool = False

    async def do(self, engine: Engine) -> None:
        spec = self.start.spec()
        await engine.start(replace(spec, digest="another") if self.has_changed else spec)

    def refusal(self, expected: Expected) -> Refusal:
        if self.start.run_id not in expected.turns:
            return RunDeleted
        return IdempotencyConflict if self.has_changed else None

    def apply(self, expected: Expected) -> None:
        """Nothing happens."""


@dataclass(frozen=True)
class RepeatEdit:
    """An edit that is sent again by its key: it was made, and nothing happens."""

    key: str
    has_changed: bool = False

    async def do(self, engine: Engine) -> None:
        assert await engine.edits.repeated(EditId(self.key, "another" if self.has_changed else "d"))

    def refusal(self, expected: Expected) -> Refusal:
        if self.key not in expected.edits:
            return RunDeleted
        return IdempotencyConflict if self.has_changed else None

    def apply(self, expected: Expected) -> None:
        """Nothing happens."""


@dataclass(frozen=True)
class Refused:
    """Something that no thread accepts."""

    what: str

    async def do(self, engine: Engine) -> None:
        if self.what == "fork":
            await engine.start(RunSpec(GRAPH, None, THREAD, "refused", checkpoint_id="nothing"))
        elif self.what == "update":
            await engine.edits.update(GRAPH, THREAD, StateUpdate({"messages": []}, "no such node"))
        elif self.what == "results":
            message = ToolMessage("x", tool_call_id="of no call")
            await engine.start(RunSpec(GRAPH, {"messages": [message]}, THREAD, "refused"))

    def refusal(self, expected: Expected) -> Refusal:
        if self.what == "fork":
            return UnknownCheckpoint
        if self.what == "update" and not expected.exists:
            return UnknownThread
        if self.what == "results" and expected.active is not None:
            return ThreadBusy
        return InvalidInput

    def apply(self, expected: Expected) -> None:
        raise AssertionError(f"{self} was accepted")


def _not_asked(expected: Expected, run_id: str) -> Refusal:
    is_asked = expected.question is not None and expected.question.run_id == run_id
    return None if is_asked and not expected.active else NotInterrupted
