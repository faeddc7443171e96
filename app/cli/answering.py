"""One answer on the screen: shown as it comes, stopped by Ctrl-C, ended by an exit code."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, Final

from app.cli.screen import Screen
from app.cli.sources import Source
from app.client import AnswerCutOff, ServerError, ServerUnreachable
from app.errors import AppError

OK: Final = 0
FAILED: Final = 1
UNREACHABLE: Final = 3
INTERRUPTED: Final = 130
TERMINATED: Final = 143


async def answer(source: Source, screen: Screen, *, graph: str, question: str, thread: str) -> int:
    """Show the answer as it comes; Ctrl-C stops it. Returns the exit code that one question would have."""
    try:
        return await _stoppable(_show(source, screen, graph=graph, question=question, thread=thread))
    except ServerUnreachable as error:
        screen.fail("unreachable", str(error))
        return UNREACHABLE
    except ServerError as error:
        screen.fail(error.code, error.detail)
    except AnswerCutOff as error:
        screen.fail("answer_cut_off", str(error))
    except AppError as error:
        screen.fail(error.code, str(error))
    finally:
        screen.end()
    return FAILED


async def _show(source: Source, screen: Screen, *, graph: str, question: str, thread: str) -> int:
    async with aclosing(source.ask(graph, question, thread)) as parts:
        async for part in parts:
            screen.show(part)
    return OK


async def _stoppable(work: Coroutine[Any, Any, int]) -> int:
    """Do the work until Ctrl-C, and return its code or INTERRUPTED. Cancelling the caller cancels it too."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        caller = asyncio.current_task()
        if caller is not None and caller.cancelling():
            raise
        return INTERRUPTED
    finally:
        loop.remove_signal_handler(signal.SIGINT)
