"""One answer on the screen: shown as it arrives, stopped by Ctrl-C, with an exit code."""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from seltzer.cli.chat.screen import Screen
from seltzer.cli.chat.sources import Source
from seltzer.client import (
    AnswerCutOff,
    ClientError,
    Interrupted,
    Part,
    ServerError,
    ServerUnreachable,
    Started,
)
from seltzer.errors import AppError

OK: Final = 0
FAILED: Final = 1
UNREACHABLE: Final = 3
INTERRUPTED: Final = 130
TERMINATED: Final = 143
STOP_S: Final = 5.0  # how long a stopped run may take to end

Parts = AsyncGenerator[Part, None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended: the exit code, and the interrupt that the graph stopped at, if any."""

    code: int
    interrupted: Interrupted | None = None


async def answer(
    source: Source, screen: Screen, graph: str, parts: Parts, *, is_watched: bool = False
) -> Outcome:
    """Print the answer as it arrives; Ctrl-C cancels its run, unless it is only watched."""
    answering = _Answering(source, screen, graph, is_watched=is_watched)
    try:
        return await answering.show_until_ctrl_c(parts)
    except ServerUnreachable as error:
        screen.fail("unreachable", str(error))
        return Outcome(UNREACHABLE)
    except (ClientError, AppError) as error:
        screen.fail(*_code_and_text(error))
        return Outcome(FAILED)
    finally:
        screen.end()


async def resume_thread(source: Source, graph: str, thread: str, text: str) -> Parts:
    """Answer the thread's interrupt, and yield the parts of the run that resumes it."""
    interrupted = await source.pending(graph, thread)
    if interrupted is None:
        raise ServerError("not_interrupted", 409, f"Thread {thread!r} isn't waiting for an answer.")
    if len(interrupted.interrupts) > 1:
        raise ServerError(
            "not_interrupted",
            409,
            f"Thread {thread!r} is waiting for {len(interrupted.interrupts)} answers: "
            f"seltzer chat --thread {thread} asks for them one by one.",
        )
    async with aclosing(
        source.resume(graph, interrupted, {each.id: value_of(text) for each in interrupted.interrupts})
    ) as parts:
        async for part in parts:
            yield part


def value_of(text: str) -> Any:
    """Parse a typed answer: a JSON object, list, true, false or null, else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, str | int | float) and not isinstance(value, bool) else value


class _Answering:
    """One answer being shown."""

    def __init__(self, source: Source, screen: Screen, graph: str, *, is_watched: bool) -> None:
        self._source = source
        self._screen = screen
        self._graph = graph
        self._is_watched = is_watched
        self._run_id: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._is_stopped = False

    async def show_until_ctrl_c(self, parts: Parts) -> Outcome:
        """Show the parts until the last one, or until Ctrl-C, which cancels a run that isn't just watched.

        Cancelling this task doesn't stop the run.
        """
        loop = asyncio.get_running_loop()
        pressed = asyncio.Event()
        loop.add_signal_handler(signal.SIGINT, pressed.set)
        showing = asyncio.ensure_future(self._show(parts))
        stopping = asyncio.ensure_future(pressed.wait())
        try:
            await asyncio.wait((showing, stopping), return_when=asyncio.FIRST_COMPLETED)
            if showing.done():
                return showing.result()
            if self._is_watched:
                self._screen.end()
                self._screen.note("No longer following; the run continues.")
                return Outcome(INTERRUPTED)
            self._is_stopped = True
            loop.add_signal_handler(signal.SIGINT, showing.cancel)  # pressed again: don't wait
            await self._stop(showing)
            self._screen.end()
            self._screen.note("Stopped.")
            return Outcome(INTERRUPTED)
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            for task in (showing, stopping):
                task.cancel()
            await asyncio.gather(
                showing, stopping, return_exceptions=True
            )  # an error is raised above, or moot

    async def _show(self, parts: Parts) -> Outcome:
        interrupted = None
        async with aclosing(parts):
            async for part in parts:
                if isinstance(part, Started):
                    self._run_id.set_result(part.run_id)
                if isinstance(part, Interrupted):
                    interrupted = part
                if not self._is_stopped:
                    self._screen.show(part)
        return Outcome(OK if interrupted is None else FAILED, interrupted)

    async def _stop(self, showing: "asyncio.Future[Outcome]") -> None:
        """Cancel the run and wait for its end, so that its thread is free for the next question."""
        try:
            async with asyncio.timeout(STOP_S):
                await asyncio.wait((showing, self._run_id), return_when=asyncio.FIRST_COMPLETED)
                if self._run_id.done():
                    await self._source.cancel(self._graph, self._run_id.result())
                await asyncio.wait((showing,))
        except (TimeoutError, ClientError, AppError) as error:
            self._screen.end()
            reason = str(error) or "timed out"
            self._screen.note(f"The run couldn't be stopped and may continue: {reason}.")


def _code_and_text(error: ClientError | AppError) -> tuple[str, str]:
    match error:
        case ServerError(code=code, detail=detail):
            return code, detail
        case AnswerCutOff():
            return "answer_cut_off", str(error)
        case AppError(code=code):
            return code, str(error)
    return "failed", str(error)
