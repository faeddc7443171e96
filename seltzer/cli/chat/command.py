"""`seltzer chat`: one question, or a session."""

import asyncio
import logging
import os
import signal
import sys
from typing import Any
from uuid import uuid4

import typer

from seltzer.cli.chat.answer import FAILED, OK, TERMINATED, UNREACHABLE, Parts, answer, resume_thread
from seltzer.cli.chat.choice import choose_graph
from seltzer.cli.chat.options import Options
from seltzer.cli.chat.screen import JsonScreen, Screen, TextScreen
from seltzer.cli.chat.sources import Source, connected
from seltzer.cli.program import command_line
from seltzer.client import Interrupted, ServerError, ServerUnreachable
from seltzer.errors import AppError
from seltzer.settings import Settings


def run(options: Options, settings: Settings) -> int:
    """Answer the question or run the session, and return the exit code. Raises usage errors."""
    options.check()
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
        async with connected(
            options.url,
            settings,
            on_lost,
            headers=options.headers_by_name(),
            graph_path=options.graph_path,
            run_options=options.run_options(),
        ) as source:
            graph = choose_graph(source, options.graph, screen.note)
            thread = options.thread or str(uuid4())
            if question is None and not options.is_complete:
                from seltzer.cli.chat.repl import Session  # prompt_toolkit is only for sessions

                session = Session(
                    source,
                    screen,
                    graph=graph,
                    thread=thread,
                    data=settings.data,
                    continuing=lambda thread: _continuing(options, thread),
                )
                return await session.run(is_existing=options.thread is not None)
            parts = _parts(source, options, graph, thread, question)
            outcome = await answer(source, screen, graph, parts, is_watched=options.follow is not None)
            if outcome.interrupted is not None:
                _print_how_to_answer(options, outcome.interrupted)
            elif outcome.code == OK and options.thread is None and sys.stderr.isatty():
                screen.note(f"To continue: {_continuing(options, thread)}")
            return outcome.code
    except ServerUnreachable as error:
        screen.fail("unreachable", str(error))
        return UNREACHABLE
    except ServerError as error:
        screen.fail(error.code, error.detail)
        return FAILED
    except AppError as error:
        print(error, file=sys.stderr)
        return FAILED


def _parts(source: Source, options: Options, graph: str, thread: str, question: str | None) -> Parts:
    if options.follow is not None:
        return source.follow(graph, options.follow)
    if options.reply is not None:
        return resume_thread(source, graph, thread, options.reply)
    return source.ask(graph, question or "", thread)


def _print_how_to_answer(options: Options, interrupted: Interrupted) -> None:
    """Print the command that answers the graph's interrupt."""
    # At a breakpoint, any answer continues; several questions are for a session.
    answer = ["--answer", "..."] if len(interrupted.interrupts) <= 1 else []
    command = _continuing(options, interrupted.thread_id, *answer)
    print(f"seltzer: the graph waits for an answer: {command}", file=sys.stderr)


def _continuing(options: Options, thread: str, *others: str) -> str:
    """Return the command that continues the thread, with the same graph and server."""
    words = ["chat", "--thread", thread]
    if options.graph is not None:
        words += ["--graph", options.graph]
    if options.url is not None:
        words += ["--url", options.url]
    if options.headers:
        words += ["--header", "..."]  # it may be a key
    for text in options.context:
        words += ["--context", text]
    for text in options.configurable if not others else ():  # an answer's run has that of the run that asked
        words += ["--configurable", text]
    return command_line([*words, *others])


def _cancel(task: "asyncio.Task[Any] | None") -> None:
    if task is not None:
        task.cancel()
