"""A session: questions on one thread, until Ctrl-D."""

import sys
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import create_output

from seltzer.cli.chat.answer import OK, Parts, answer, value_of
from seltzer.cli.chat.screen import Screen
from seltzer.cli.chat.sources import Source
from seltzer.client import ClientError, Interrupted
from seltzer.errors import AppError

HELP: Final = """\
/new   begin a new thread: the graph forgets what was said
/help  show this
/exit  leave; Ctrl-D does too
Ctrl-C stops an answer.
At "answer>" the graph asks: a JSON object, list, true, false or null is sent as that, all else as text."""


class Session:
    """Asks one graph, question after question; the thread stays, so the graph remembers.

    When the graph asks something itself, the next lines are the answers, one a question.
    """

    def __init__(self, source: Source, screen: Screen, *, graph: str, thread: str, data: Path) -> None:
        self._source = source
        self._screen = screen
        self._graph = graph
        self._thread = thread
        self._asked: Interrupted | None = None
        self._answers: dict[str, Any] = {}
        # The prompt goes where a person sees it: with stdout in a file, that is stderr.
        output = create_output(stdout=sys.stdout if sys.stdout.isatty() else sys.stderr)
        self._prompt: PromptSession[str] = PromptSession(history=_history(data), output=output)

    async def hold(self, *, is_known: bool) -> int:
        """Take questions until the person leaves. Returns 0.

        is_known: the thread may have been talked on before, and may wait for an answer.
        """
        _say(f"Talking to {self._graph}. /help shows the commands, Ctrl-D leaves.")
        if is_known:
            await self._look()
        while (line := await self._read()) is not None:
            match line.split():
                case [] if not self._is_at_breakpoint:
                    continue
                case ["/exit" | "/quit"]:
                    return 0
                case ["/help"]:
                    _say(HELP)
                case ["/new"]:
                    self._thread, self._asked, self._answers = str(uuid4()), None, {}
                    _say("A new thread.")
                case [command, *_] if command.startswith("/"):
                    _say(f"There is no command {command}.\n{HELP}")
                case _ if self._asked is not None:
                    await self._answer(self._asked, line)
                case _:
                    await self._show(self._source.ask(self._graph, line, self._thread))
        return 0

    async def _read(self) -> str | None:
        """Return the next line, or None when the person leaves."""
        while True:
            try:
                return await self._prompt.prompt_async(self._message())
            except KeyboardInterrupt:
                if not self._prompt.default_buffer.text:
                    _say("Ctrl-D or /exit leaves.")
            except EOFError:
                return None

    @property
    def _is_at_breakpoint(self) -> bool:
        return self._asked is not None and not self._asked.interrupts

    def _message(self) -> str:
        if self._asked is None:
            return f"{self._graph}> "
        count = len(self._asked.interrupts)
        if count == 0:
            return "Enter to continue> "
        return "answer> " if count == 1 else f"answer {len(self._answers) + 1} of {count}> "

    async def _look(self) -> None:
        """See whether the thread waits for an answer, and show the question."""
        try:
            self._asked = await self._source.asked(self._graph, self._thread)
        except (ClientError, AppError):  # a new thread; what else is wrong, the next question tells
            return
        if self._asked is not None:
            self._screen.show(self._asked)

    async def _answer(self, asked: Interrupted, line: str) -> None:
        """Take the answer to the first open question; once all have theirs, go on with the run."""
        if not asked.interrupts:
            if line.strip():
                _say("The graph asks nothing: Enter continues.")
            else:
                await self._show(self._source.resume(self._graph, asked, {}))
            return
        waiting = [each for each in asked.interrupts if each.id not in self._answers]
        self._answers[waiting[0].id] = value_of(line)
        if len(waiting) == 1:
            answers, self._answers = self._answers, {}
            await self._show(self._source.resume(self._graph, asked, answers))

    async def _show(self, parts: Parts) -> None:
        outcome = await answer(self._source, self._screen, self._graph, parts)
        self._asked, self._answers = outcome.asked, {}
        if outcome.code != OK and self._asked is None:
            await self._look()  # an answer that didn't arrive leaves its question open


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _history(data: Path) -> History:
    """Return the questions of earlier sessions, kept in the data folder for this user alone."""
    file = data / "chat-history"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError:  # a read-only folder is no reason not to talk
        return InMemoryHistory()
    return FileHistory(file)
