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

from seltzer.cli.chat.answer import FAILED, OK, TERMINATED, UNREACHABLE, Outcome, Parts, answer, resume_thread
from seltzer.cli.chat.screen import JsonScreen, Screen, TextScreen
from seltzer.cli.chat.sources import Source, connected
from seltzer.cli.program import command_line
from seltzer.client import ServedGraph, ServerUnreachable
from seltzer.errors import AppError, InvalidInput
from seltzer.settings import Settings


@dataclass(frozen=True, slots=True)
class Options:
    """The command line's options.

    words are the question, reply is the answer to a thread's interrupt, follow the id of a run to show.
    Without any of them the question is read from standard input, or a session starts.
    """

    words: tuple[str, ...]
    graph: str | None
    thread: str | None
    reply: str | None
    follow: str | None
    url: str | None
    headers: tuple[str, ...]
    separator: str | None
    as_json: bool
    verbose: bool

    @property
    def is_complete(self) -> bool:
        """Return whether the command line is complete: there is no question to read."""
        return self.reply is not None or self.follow is not None


def run(options: Options, settings: Settings) -> int:
    """Answer the question or run the session, and return the exit code. Raises usage errors."""
    _check(options)
    if missing := _set_up_streams(options):
        print(f"seltzer: {missing}", file=sys.stderr)
        return FAILED
    try:
        question = None if options.is_complete else _question(options)
        return asyncio.run(_converse(options, settings, question))
    except asyncio.CancelledError:
        return TERMINATED
    except BrokenPipeError:  # the reader of the pipe is gone
        _drop_output()
        return OK
    except OSError as error:
        _drop_output()
        print(f"seltzer: {error.strerror or error}", file=sys.stderr)
        return FAILED


def _check(options: Options) -> None:
    """Raise a usage error for options that exclude each other."""
    if options.as_json and options.separator is not None:
        raise typer.BadParameter("give one of them", param_hint="--json and --tokens")
    if (bool(options.words), options.reply is not None, options.follow is not None).count(True) > 1:
        raise typer.BadParameter("give one of them", param_hint="QUESTION, --answer and --follow")
    if options.reply is not None and options.thread is None:
        raise typer.BadParameter("name the thread with --thread", param_hint="--answer")
    if options.follow == "":
        raise typer.BadParameter("it is empty", param_hint="--follow")
    _check_thread(options.thread)
    _headers(options)


def _headers(options: Options) -> dict[str, str]:
    """Return the headers by name. Raises a usage error that doesn't repeat one: it may be a key."""
    headers = {}
    for number, header in enumerate(options.headers, start=1):
        name, colon, value = (part.strip() for part in header.partition(":"))
        if not (name and colon and value and header.isascii() and header.isprintable()):
            raise typer.BadParameter(
                "write it as 'Name: value', in ASCII", param_hint=f"--header (no. {number})"
            )
        headers[name] = value
    return headers


def _check_thread(thread: str | None) -> None:
    if thread is None:
        return
    from seltzer.runs.thread import check_thread_id

    try:
        check_thread_id(thread, "--thread")
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from None


def _question(options: Options) -> str | None:
    """Return the question, or None for a session. Raises usage errors, and OSError."""
    try:
        if options.words:
            question = " ".join(options.words)
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


def _set_up_streams(options: Options) -> str | None:
    """Make the streams accept any text. Returns what is missing: a stream that is closed is None."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # the process's own, to its end
    if sys.stdout is None:
        return "standard output is closed: there is nowhere to print the answer"
    if sys.stdin is None and not (options.words or options.is_complete):
        return "standard input is closed: give the question as argument"
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # in a Latin-1 terminal, an emoji is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    # A failed run is reported in one line; the log of an engine here would put a traceback beside it.
    logging.basicConfig(level=logging.WARNING if options.verbose else logging.CRITICAL)
    return None


def _drop_output() -> None:
    """Discard what is left for stdout: Python would fail to flush it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _converse(options: Options, settings: Settings, question: str | None) -> int:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _cancel, asyncio.current_task())
    screen: Screen = JsonScreen() if options.as_json else TextScreen(options.separator or "")

    def on_lost(reason: str) -> None:
        screen.note("connection lost; waiting for the server ..")

    try:
        async with connected(options.url, settings, on_lost, headers=_headers(options)) as source:
            graph = choose_graph(source.graphs, options.graph)
            thread = options.thread or str(uuid4())
            if question is None and not options.is_complete:
                from seltzer.cli.chat.repl import Session  # prompt_toolkit is only for sessions

                session = Session(source, screen, graph=graph, thread=thread, data=settings.data)
                return await session.run(is_existing=options.thread is not None)
            parts = _parts(source, options, graph, thread, question)
            outcome = await answer(source, screen, graph, parts, is_watched=options.follow is not None)
            _print_how_to_answer(options, outcome)
            return outcome.code
    except ServerUnreachable as error:
        screen.fail("unreachable", str(error))
        return UNREACHABLE
    except AppError as error:
        print(error, file=sys.stderr)
        return FAILED


def _parts(source: Source, options: Options, graph: str, thread: str, question: str | None) -> Parts:
    if options.follow is not None:
        return source.follow(graph, options.follow)
    if options.reply is not None:
        return resume_thread(source, graph, thread, options.reply)
    return source.ask(graph, question or "", thread)


def _print_how_to_answer(options: Options, outcome: Outcome) -> None:
    """Print the command that answers the graph's interrupt."""
    if outcome.interrupted is None:
        return
    words = ["chat", "--thread", outcome.interrupted.thread_id]
    if options.graph is not None:
        words += ["--graph", options.graph]
    if options.url is not None:
        words += ["--url", options.url]
    if options.headers:
        words += ["--header", "..."]  # it may be a key
    if len(outcome.interrupted.interrupts) <= 1:  # at a breakpoint, any answer continues
        words += ["--answer", "..."]
    print(f"seltzer: the graph waits for an answer: {command_line(words)}", file=sys.stderr)


def _cancel(task: "asyncio.Task[Any] | None") -> None:
    if task is not None:
        task.cancel()


def choose_graph(graphs: Sequence[ServedGraph], wanted: str | None) -> str:
    """Return the graph to ask: the wanted one, else agent, else the first.

    Raises a usage error listing the graphs there are.
    """
    names = [graph.name for graph in graphs if graph.takes_messages]
    if wanted is None and names:
        return "agent" if "agent" in names else names[0]
    if wanted in names:
        return wanted
    there = f"there are {', '.join(names)}" if names else "none here does"
    is_existing = any(graph.name == wanted for graph in graphs)
    why = (
        f"it doesn't take messages; {there}"
        if is_existing or wanted is None
        else f"there is no such graph; {there}"
    )
    raise typer.BadParameter(why, param_hint=f"--graph {wanted}" if wanted else "--graph")
