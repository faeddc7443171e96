"""What tests of the core do with an engine: start runs, and read their events."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import anyio
from anyio.lowlevel import checkpoint
from langchain_core.messages import HumanMessage

from seltzer.cursor import START, Cursor
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event, Json
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.messages.answer import AnswerText
from seltzer.runs.ports import EventLog
from seltzer.runs.run import RunSpec


def spec_without_input(run_id: str = "r", **options: Any) -> RunSpec:
    """Return a run whose request hasn't read its input yet."""
    return RunSpec("agent", None, "t", run_id, attached=True, **options)


def run_spec(
    text: str = "hi", *, thread_id: str = "t", run_id: str = "r", graph: str = "agent", **options: Any
) -> RunSpec:
    return RunSpec(graph, {"messages": [HumanMessage(text)]}, thread_id, run_id, **options)


def begin(reservation: Reservation, text: str = "hi") -> None:
    """Begin a reserved run as its request does once the input is read."""
    reservation.begin(input={"messages": [HumanMessage(text)]})


def spec_answering(answers: Mapping[str, Json], *, thread_id: str = "t", run_id: str = "r2") -> RunSpec:
    """Return a run that answers interrupts, by their ids."""
    return RunSpec("agent", None, thread_id, run_id, answers=answers)


async def read_all(events: AsyncIterator[Event]) -> list[Event]:
    """Return all the events."""
    with anyio.fail_after(30):
        return [event async for event in events]


async def read_until(events: AsyncIterator[Event], kind: str) -> list[Event]:
    """Return the next events up to and including one of that kind."""
    found: list[Event] = []
    with anyio.fail_after(10):
        while not found or found[-1].kind != kind:
            found.append(await anext(events))
    return found


async def run_to_end(engine: Engine, spec: RunSpec) -> list[Event]:
    """Run to the end, and return the events."""
    await engine.start(spec)
    return await read_all(engine.follow(spec.run_id))


async def read_stored(event_log: EventLog, cursor: Cursor, run_id: str = "r") -> list[Event]:
    """Wait until the log has the run's event at the cursor; return those it has."""
    with anyio.fail_after(10):
        while True:
            events = (await event_log.read({run_id: START})).get(run_id, [])
            if events and events[-1].cursor >= cursor:
                return events
            await checkpoint()  # the port has no wake-up for it


def answer(events: list[Event]) -> str:
    """Return the text that a client of a text stream sees."""
    text = AnswerText()
    return "".join(chunk for event in events for chunk in text.chunks(event))


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


async def texts(engine: Engine, thread_id: str = "t") -> list[str]:
    """Return the texts of the thread's messages."""
    return [message.text for message in await engine.messages("agent", thread_id)]
