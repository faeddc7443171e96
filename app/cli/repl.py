"""A session: questions on one thread, until Ctrl-D."""

import sys
from pathlib import Path
from typing import Final
from uuid import uuid4

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import create_output

from app.cli.answering import INTERRUPTED, answer
from app.cli.screen import Screen
from app.cli.sources import Source

HELP: Final = """\
/new   begin a new thread: the graph forgets what was said
/help  show this
/exit  leave; Ctrl-D does too
Ctrl-C stops an answer."""


class Session:
    """Asks one graph, question after question; the thread stays, so the graph remembers."""

    def __init__(self, source: Source, screen: Screen, *, graph: str, thread: str, data: Path) -> None:
        self._source = source
        self._screen = screen
        self._graph = graph
        self._thread = thread
        # The prompt goes where a person sees it: with stdout in a file, that is stderr.
        output = create_output(stdout=sys.stdout if sys.stdout.isatty() else sys.stderr)
        self._prompt: PromptSession[str] = PromptSession(f"{graph}> ", history=_history(data), output=output)

    async def hold(self) -> int:
        """Take questions until the person leaves. Returns 0."""
        _say(f"Talking to {self._graph}. /help shows the commands, Ctrl-D leaves.")
        while (line := await self._read()) is not None:
            match line.split():
                case []:
                    continue
                case ["/exit" | "/quit"]:
                    return 0
                case ["/help"]:
                    _say(HELP)
                case ["/new"]:
                    self._thread = str(uuid4())
                    _say("A new thread.")
                case [command, *_] if command.startswith("/"):
                    _say(f"There is no command {command}.\n{HELP}")
                case _:
                    await self._ask(line)
        return 0

    async def _read(self) -> str | None:
        """Return the next line, or None when the person leaves."""
        while True:
            try:
                return await self._prompt.prompt_async()
            except KeyboardInterrupt:
                if not self._prompt.default_buffer.text:
                    _say("Ctrl-D or /exit leaves.")
            except EOFError:
                return None

    async def _ask(self, question: str) -> None:
        code = await answer(
            self._source, self._screen, graph=self._graph, question=question, thread=self._thread
        )
        if code == INTERRUPTED:
            _say("Stopped.")


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
