"""`seltzer chat`: one question, or a session."""

import asyncio
import logging
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import typer

from seltzer.cli.chat.answer import FAILED, OK, TERMINATED, UNREACHABLE, Outcome, Parts, answer, answered
from seltzer.cli.chat.screen import JsonScreen, Screen, TextScreen
from seltzer.cli.chat.sources import Source, connected
from seltzer.client import ServedGraph, ServerUnreachable
from seltzer.errors import AppError, InvalidInput
from seltzer.settings import Settings


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for.

    words are a question, reply the answer to what the thread waits for, follow a run to be shown. None of
    them: standard input is asked, or a session begins.
    """

    words: tuple[str, ...]
    graph: str | None
    thread: str | None
    reply: str | None
    follow: str | None
    url: str | None
    separator: str | None
    as_json: bool
    verbose: bool

    @property
    def is_complete(self) -> bool:
        """Return whether nothing more need be read."""
        return self.reply is not None or self.follow is not None


def run(wish: Wish, settings: Settings) -> int:
    """Answer the question or hold the session, and return the exit code. Raises usage errors."""
    _check(wish)
    if missing := _set_up_streams(wish):
        print(f"seltzer: {missing}", file=sys.stderr)
        return FAILED
    try:
        question = None if wish.is_complete else _question(wish)
        return asyncio.run(_converse(wish, settings, question))
    except asyncio.CancelledError:
        return TERMINATED
    except BrokenPipeError:  # whoever read has enough
        _drop_output()
        return OK
    except OSError as error:
        _drop_output()
        print(f"seltzer: {error.strerror or error}", file=sys.stderr)
        return FAILED


def _check(wish: Wish) -> None:
    """Raise a usage error for what can't be asked for together."""
    if wish.as_json and wish.separator is not None:
        raise typer.BadParameter("give one of them", param_hint="--json and --tokens")
    if (bool(wish.words), wish.reply is not None, wish.follow is not None).count(True) > 1:
        raise typer.BadParameter("give one of them", param_hint="QUESTION, --answer and --follow")
    if wish.reply is not None and wish.thread is None:
        raise typer.BadParameter("name the thread that waits for it with --thread", param_hint="--answer")
    if wish.follow == "":
        raise typer.BadParameter("it is empty", param_hint="--follow")
    _check_thread(wish.thread)


def _check_thread(thread: str | None) -> None:
    if thread is None:
        return
    from seltzer.runs.thread import check_thread_id

    try:
        check_thread_id(thread, "--thread")
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from None


def _question(wish: Wish) -> str | None:
    """Return what is asked, or None for a session. Raises usage errors, and OSError."""
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


def _set_up_streams(wish: Wish) -> str | None:
    """Make the streams take any text, and say what is missing: a stream that is closed is None."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # the process's own, to its end
    if sys.stdout is None:
        return "standard output is closed: there is nowhere to show the answer"
    if sys.stdin is None and not (wish.words or wish.is_complete):
        return "standard input is closed: give the question as argument"
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # in a Latin-1 terminal, an emoji is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    # A failed run is reported in one line; the log of an engine here would put a traceback beside it.
    logging.basicConfig(level=logging.WARNING if wish.verbose else logging.CRITICAL)
    return None


def _drop_output() -> None:
    """Send what is left for stdout nowhere: Python would complain when it flushes it on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _converse(wish: Wish, settings: Settings, question: str | None) -> int:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _cancel, asyncio.current_task())
    screen: Screen = JsonScreen() if wish.as_json else TextScreen(wish.separator or "")

    def on_lost(reason: str) -> None:
        screen.note("connection lost; waiting for the server ..")

    try:
        async with connected(wish.url, settings, on_lost) as source:
            graph = choose(source.graphs, wish.graph)
            thread = wish.thread or str(uuid4())
            if question is None and not wish.is_complete:
                from seltzer.cli.chat.repl import Session  # prompt_toolkit is only for sessions

                session = Session(source, screen, graph=graph, thread=thread, data=settings.data)
                return await session.hold(is_known=wish.thread is not None)
            parts = _parts(source, wish, graph, thread, question)
            outcome = await answer(source, screen, graph, parts, is_watched=wish.follow is not None)
            _tell_how_to_answer(wish, outcome)
            return outcome.code
    except ServerUnreachable as error:
        screen.fail("unreachable", str(error))
        return UNREACHABLE
    except AppError as error:
        print(error, file=sys.stderr)
        return FAILED


def _parts(source: Source, wish: Wish, graph: str, thread: str, question: str | None) -> Parts:
    if wish.follow is not None:
        return source.follow(graph, wish.follow)
    if wish.reply is not None:
        return answered(source, graph, thread, wish.reply)
    return source.ask(graph, question or "", thread)


def _tell_how_to_answer(wish: Wish, outcome: Outcome) -> None:
    """Say which command answers what the graph asks."""
    if outcome.asked is None:
        return
    words = ["seltzer", "chat", "--thread", outcome.asked.thread_id]
    if wish.graph is not None:
        words += ["--graph", wish.graph]
    if wish.url is not None:
        words += ["--url", wish.url]
    if len(outcome.asked.interrupts) <= 1:  # at a breakpoint, any answer continues
        words += ["--answer", "..."]
    print(f"seltzer: the graph waits for an answer: {shlex.join(words)}", file=sys.stderr)


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
