"""`seltzer chat`: one question, or a session."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import typer

from app.cli.answering import FAILED, OK, TERMINATED, UNREACHABLE, answer
from app.cli.screen import JsonScreen, Screen, TextScreen
from app.cli.sources import connected
from app.client import ServedGraph, ServerUnreachable
from app.errors import AppError, InvalidInput
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for. No words: standard input is asked, or a session begins."""

    words: tuple[str, ...]
    graph: str | None
    thread: str | None
    url: str | None
    separator: str | None
    as_json: bool
    verbose: bool


def run(wish: Wish, settings: Settings) -> int:
    """Answer the question or hold the session, and return the exit code. Raises usage errors."""
    if wish.as_json and wish.separator is not None:
        raise typer.BadParameter("give one of them", param_hint="--json and --tokens")
    _check_thread(wish.thread)
    question = _question(wish)
    _set_up_streams(wish)
    try:
        return asyncio.run(_converse(wish, settings, question))
    except asyncio.CancelledError:
        return TERMINATED
    except BrokenPipeError:
        # Whoever read has enough. Python would complain when it flushes stdout on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _check_thread(thread: str | None) -> None:
    if thread is None:
        return
    from app.runs.run import check_thread_id

    try:
        check_thread_id(thread, "--thread")
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from None


def _question(wish: Wish) -> str | None:
    """Return what is asked, or None for a session. Raises usage errors."""
    try:
        if wish.words:
            question = " ".join(wish.words)
            question.encode()
        elif sys.stdin.isatty():
            return None
        else:
            question = sys.stdin.buffer.read().decode()
    except UnicodeError:
        raise typer.BadParameter("it isn't UTF-8 text", param_hint="QUESTION") from None
    if not question.strip():
        raise typer.BadParameter(
            "it is empty: give it as argument or on standard input", param_hint="QUESTION"
        )
    return question


def _set_up_streams(wish: Wish) -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # in a Latin-1 terminal, an emoji is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    # A failed run is reported in one line; the log of an engine here would put a traceback beside it.
    logging.basicConfig(level=logging.WARNING if wish.verbose else logging.CRITICAL)


async def _converse(wish: Wish, settings: Settings, question: str | None) -> int:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _cancel, asyncio.current_task())
    screen: Screen = JsonScreen() if wish.as_json else TextScreen(wish.separator or "")
    try:
        async with connected(wish.url, settings) as source:
            graph = choose(source.graphs, wish.graph)
            thread = wish.thread or str(uuid4())
            if question is not None:
                return await answer(source, screen, graph=graph, question=question, thread=thread)
            from app.cli.repl import Session  # prompt_toolkit is only for sessions

            return await Session(source, screen, graph=graph, thread=thread, data=settings.data).hold()
    except ServerUnreachable as error:
        screen.fail("unreachable", str(error))
        return UNREACHABLE
    except AppError as error:
        print(error, file=sys.stderr)
        return FAILED


def _cancel(task: "asyncio.Task[Any] | None") -> None:
    if task is not None:
        task.cancel()


def choose(graphs: Sequence[ServedGraph], wanted: str | None) -> str:
    """Return the graph to ask: the wanted one, else agent, else the first.

    Raises a usage error naming those there are.
    """
    names = [graph.name for graph in graphs if graph.takes_messages]
    if wanted is None and names:
        return "agent" if "agent" in names else names[0]
    if wanted in names:
        return wanted
    there = f"there are {', '.join(names)}" if names else "none here does"
    is_known = any(graph.name == wanted for graph in graphs)
    why = (
        f"it doesn't take messages; {there}"
        if is_known or wanted is None
        else f"there is no such graph; {there}"
    )
    raise typer.BadParameter(why, param_hint=f"--graph {wanted}" if wanted else "--graph")
