"""A session: questions on one thread, until Ctrl-D."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import create_output

from seltzer.cli.chat.answer import OK, Parts, answer, value_of
from seltzer.cli.chat.editing import HELP as EDITING
from seltzer.cli.chat.editing import Commands, Step, Turn
from seltzer.cli.chat.screen import Screen, shortened
from seltzer.cli.chat.sources import Source
from seltzer.client import ClientError, Interrupted
from seltzer.errors import AppError

HELP: Final = f"""\
/new       start a new thread: the graph forgets the conversation
{EDITING}
/help      show this
/exit      leave; Ctrl-D does too
Ctrl-C stops an answer, and leaves a message that you edit as it was.
At "answer>" the graph waits for an answer: JSON objects, lists, true, false and null are sent as such, all
else as text."""

_LEAVING: Final = (["/exit"], ["/quit"])
_ALONE: Final = ("/new", "/retry", "/undo", "/help", "/exit", "/quit")  # nothing may follow them


class Session:
    """Asks one graph, question after question on one thread, so that the graph remembers.

    At an interrupt the next lines are the answers, one for each question.
    continuing: returns the command that continues a thread.
    """

    def __init__(
        self,
        source: Source,
        screen: Screen,
        *,
        graph: str,
        thread: str,
        data: Path,
        continuing: Callable[[str], str],
    ) -> None:
        self._continuing = continuing
        self._has_asked = False
        self._source = source
        self._screen = screen
        self._graph = graph
        self._thread = thread
        self._commands = Commands(source, graph)
        self._interrupted: Interrupted | None = None
        self._answers: dict[str, Any] = {}
        # The prompt goes where a person sees it: with stdout in a file, that is stderr.
        output = create_output(stdout=sys.stdout if sys.stdout.isatty() else sys.stderr)
        self._prompt: PromptSession[str] = PromptSession(history=_history(data), output=output)

    async def run(self, *, is_existing: bool) -> int:
        """Read questions until the user leaves, and print how to continue. Returns 0.

        is_existing: the thread may be there already, and may wait for an answer.
        """
        self._has_asked = is_existing
        _print(f"Talking to {self._graph}. /help shows the commands, Ctrl-D leaves.")
        if is_existing:
            await self._show_thread()
        while (line := await self._read()) is not None and line.split() not in _LEAVING:
            match line.split():
                case [] if not self._is_at_breakpoint:
                    continue
                case ["/help"]:
                    _print(f"{HELP}\nThis is thread {self._thread}.")
                case ["/new"]:
                    self._print_how_to_continue()
                    self._enter(str(uuid4()))
                    _print("A new thread.")
                case [command, *_] if command.startswith("/"):
                    await self._edit(line.split())
                case _ if self._interrupted is not None:
                    await self._answer(self._interrupted, line)
                case _:
                    await self._ask(line)
        self._print_how_to_continue()
        return 0

    def _enter(self, thread: str, *, is_existing: bool = False) -> None:
        self._thread, self._interrupted, self._answers = thread, None, {}
        self._has_asked = is_existing

    async def _ask(self, question: str | None, replaced: Turn | None = None) -> None:
        """Ask the question, in the place of a turn; without one, run the last turn again."""
        self._has_asked = True
        place = replaced.message_id if replaced else None
        await self._show(self._source.ask(self._graph, question, self._thread, place))

    async def _edit(self, words: list[str]) -> None:
        """Carry out a command that edits the conversation."""
        try:
            step = await self._commands.step(words, self._thread, self._asking)
            if step is None and words[0] in _ALONE:
                _print(f"{words[0]} stands alone: nothing may follow it.")
            elif step is None:
                _print(f"There is no command {words[0]}.\n{HELP}")
            else:
                await self._follow(step)
        except (ClientError, AppError) as error:
            _print(str(error))
            await self._load_interrupt()  # it may have been withdrawn

    async def _follow(self, step: Step) -> None:
        if step.text:
            _print(step.text)
        if step.thread is not None:
            self._enter(step.thread, is_existing=True)
        if step.thread is not None or step.is_elsewhere:
            self._interrupted = None
            await self._show_thread()
        if step.retries and not self._has_asked:
            _print("There is no message to answer again.")
        elif step.retries:
            await self._ask(None)
        elif step.edits is not None:
            await self._replace(step.edits)

    async def _replace(self, turn: Turn) -> None:
        """Read another text for the turn's message, and ask that in its place."""
        try:
            line = await self._prompt.prompt_async("edit> ", default=turn.text)
        except (KeyboardInterrupt, EOFError):
            line = ""
        if not line.strip():
            _print("The message stays as it was.")
            return
        await self._commands.withdraw(self._asking)
        await self._ask(line, turn)

    @property
    def _asking(self) -> str | None:
        """The run whose question the thread waits on."""
        return None if self._interrupted is None else self._interrupted.run_id

    def _print_how_to_continue(self) -> None:
        if self._has_asked:
            _print(f"To continue this thread: {self._continuing(self._thread)}")

    async def _read(self) -> str | None:
        """Return the next line, or None when the user leaves."""
        while True:
            try:
                return await self._prompt.prompt_async(self._message())
            except KeyboardInterrupt:
                if not self._prompt.default_buffer.text:
                    _print("Ctrl-D or /exit leaves.")
            except EOFError:
                return None

    @property
    def _is_at_breakpoint(self) -> bool:
        return self._interrupted is not None and not self._interrupted.interrupts

    def _message(self) -> str:
        if self._interrupted is None:
            return f"{self._graph}> "
        count = len(self._interrupted.interrupts)
        if count == 0:
            return "Enter to continue> "
        return "answer> " if count == 1 else f"answer {len(self._answers) + 1} of {count}> "

    async def _show_thread(self) -> None:
        """Show the last turn of a thread that is continued, and what it waits for."""
        try:
            turn = await self._source.last_turn(self._graph, self._thread)
        except (ClientError, AppError):  # a new thread; the next question shows any other error
            turn = None
        if turn is not None:
            self._screen.note(f"you> {shortened(turn.text)}")
            if turn.answer:
                self._screen.note(shortened(turn.answer))
        await self._load_interrupt()

    async def _load_interrupt(self) -> None:
        """Show the interrupt that the thread waits at, if any."""
        try:
            self._interrupted = await self._source.pending(self._graph, self._thread)
        except (ClientError, AppError):  # a new thread; the next question shows any other error
            return
        if self._interrupted is not None:
            self._screen.show(self._interrupted)

    async def _answer(self, interrupted: Interrupted, line: str) -> None:
        """Record the answer to the first open question; with the last one, resume the run."""
        if not interrupted.interrupts:
            if line.strip():
                _print("The graph asks nothing: Enter continues.")
            else:
                await self._show(self._source.resume(self._graph, interrupted, {}))
            return
        waiting = [each for each in interrupted.interrupts if each.id not in self._answers]
        self._answers[waiting[0].id] = value_of(line)
        if len(waiting) == 1:
            answers, self._answers = self._answers, {}
            await self._show(self._source.resume(self._graph, interrupted, answers))

    async def _show(self, parts: Parts) -> None:
        outcome = await answer(self._source, self._screen, self._graph, parts)
        self._interrupted, self._answers = outcome.interrupted, {}
        if outcome.code != OK and self._interrupted is None:
            await self._load_interrupt()  # an answer that wasn't delivered leaves its question open


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _history(data: Path) -> History:
    """Return the questions of earlier sessions, kept in the data folder for this user alone."""
    file = data / "chat-history"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError:  # a session works without a history
        return InMemoryHistory()
    return FileHistory(file)
