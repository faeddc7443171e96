"""The session's commands that edit a conversation: /retry, /edit, /undo, /threads and /fork."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar

from seltzer.client import Branch, ServerError, ThreadInfo
from seltzer.errors import AppError, UnknownThread

HELP: Final = """\
/retry     answer your last message again
/edit N    change message N, and begin again there; /edit lists them
/undo      take your last message back, and what came of it
/fork N    continue after answer N of those there have been; /fork lists them
/threads N continue thread N; /threads lists them"""
LISTED: Final = 20
LAST_MESSAGES: Final = 50  # among which the newest turn is looked for
TEXT_CHARS: Final = 70

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the thread, by the message of yours that it begins with.

    has_attachments: the message has more than its text. answer: the last text of a model in it.
    """

    message_id: str
    text: str
    has_attachments: bool = False
    answer: str = ""


class EditingSource(Protocol):
    """What the commands need of where answers come from. Every method raises ClientError or AppError."""

    async def turns(self, graph: str, thread: str) -> Sequence[Turn]:
        """Return the turns of the thread, oldest first."""

    async def last_turn(self, graph: str, thread: str) -> Turn | None:
        """Return the newest turn of the thread, if it has one among its last messages."""

    async def take_back(self, graph: str, thread: str, turn: Turn) -> None:
        """Make the state before the turn the thread's newest one."""

    async def withdraw(self, graph: str, run_id: str) -> None:
        """Withdraw what the interrupted run asks."""

    async def branches(self, graph: str, thread: str) -> Sequence[Branch]:
        """Return the thread's branches, the newest first."""

    async def go_to(self, graph: str, thread: str, checkpoint_id: str) -> None:
        """Make the state the thread's newest one again."""

    async def threads(self, graph: str) -> Sequence[ThreadInfo]:
        """Return the graph's threads, the newest first."""


def turns_in(values: Any) -> list[Turn]:
    """Return the turns that a state's messages show."""
    messages = values.get("messages") if isinstance(values, dict) else values
    turns: list[Turn] = []
    for each in messages or ():
        if not isinstance(each, dict):
            continue
        content = each.get("content")
        if each.get("type") == "human" and isinstance(each.get("id"), str):
            turns.append(Turn(each["id"], _text_of(content), _has_attachments(content)))
        elif each.get("type") == "ai" and turns and (text := _text_of(content)):
            turns[-1] = replace(turns[-1], answer=text)
    return turns


def numbered(lines: Sequence[str], marked: int | None = None) -> str:
    """Return the lines with their numbers, from 1, each in one line; one may be marked as the current one."""
    return "\n".join(
        f"{'*' if number == marked else ' '}{number:3}  {_one_line(line)}"
        for number, line in enumerate(lines, 1)
    )


def chosen(argument: str, count: int) -> int | None:
    """Return the index that the argument names, of that many; None if it names none."""
    is_number = argument.isascii() and argument.isdigit() and len(argument) <= 4
    return int(argument) - 1 if is_number and 1 <= int(argument) <= count else None


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = [each for each in content or () if isinstance(each, dict)] if isinstance(content, list) else []
    return " ".join(str(each.get("text", "")) for each in parts if each.get("type") == "text")


def _has_attachments(content: Any) -> bool:
    parts = content if isinstance(content, list) else []
    return any(isinstance(each, dict) and each.get("type") != "text" for each in parts)


def _one_line(text: str) -> str:
    line = "".join(each if each.isprintable() else " " for each in " ".join(text.split()))
    return line if len(line) <= TEXT_CHARS else line[: TEXT_CHARS - 2] + ".."


@dataclass(frozen=True, slots=True)
class Step:
    """What the session does next: it shows the text, and then what else is given.

    retries: it has the last turn run again. edits: it reads another text for the turn. thread: it continues
    this one. is_elsewhere: the thread has another state now.
    """

    text: str = ""
    retries: bool = False
    edits: Turn | None = None
    thread: str | None = None
    is_elsewhere: bool = False


class Commands:
    """Carries out the commands on the threads of one graph."""

    def __init__(self, source: EditingSource, graph: str) -> None:
        self._source = source
        self._graph = graph

    async def step(self, words: Sequence[str], thread: str, asking: str | None) -> Step | None:
        """Return what the command has the session do; None if it is none of these.

        asking: the run whose question the thread waits on, which is withdrawn by what goes back behind it.
        Raises ClientError and AppError.
        """
        match words:
            case ["/retry"]:
                await self.withdraw(asking)
                return Step(retries=True)
            case ["/edit", *rest]:
                return await self._edit(rest, thread)
            case ["/undo"]:
                return await self._undo(thread, asking)
            case ["/fork", *rest]:
                return await self._fork(rest, thread, asking)
            case ["/threads", *rest]:
                return await self._threads(rest, thread)
        return None

    async def _edit(self, rest: Sequence[str], thread: str) -> Step:
        turns = await _unless_new(self._source.turns(self._graph, thread))
        index = _index(rest, len(turns))
        if index is not None:
            note = "Its attachments won't be sent again." if turns[index].has_attachments else ""
            return Step(note, edits=turns[index])
        texts = [each.text for each in turns]
        return Step(_list("/edit", rest, texts, None, "This thread has no message of yours."))

    async def withdraw(self, asking: str | None) -> None:
        """Withdraw what the run asks, if there is one."""
        if asking is not None:
            await self._source.withdraw(self._graph, asking)

    async def _undo(self, thread: str, asking: str | None) -> Step:
        turns = await _unless_new(self._source.turns(self._graph, thread))
        if not turns:
            return Step("There is no message to take back.")
        await self.withdraw(asking)
        await self._source.take_back(self._graph, thread, turns[-1])
        return Step(f"Taken back: {_one_line(turns[-1].text)}", is_elsewhere=True)

    async def _fork(self, rest: Sequence[str], thread: str, asking: str | None) -> Step:
        branches = await _unless_new(self._source.branches(self._graph, thread))
        index = _index(rest, len(branches))
        if index is None:
            newest = next((number for number, each in enumerate(branches, 1) if each.is_newest), None)
            texts = [each.text for each in branches]
            return Step(_list("/fork", rest, texts, newest, "There is no answer yet."))
        await self.withdraw(asking)
        await self._source.go_to(self._graph, thread, branches[index].checkpoint_id)
        return Step(f"Continuing after: {_one_line(branches[index].text)}", is_elsewhere=True)

    async def _threads(self, rest: Sequence[str], thread: str) -> Step:
        threads = await self._source.threads(self._graph)
        titles = [each.title or each.thread_id for each in threads]
        index = _index(rest, len(threads))
        if index is None:
            ids = [each.thread_id for each in threads]
            here = ids.index(thread) + 1 if thread in ids else None
            return Step(_list("/threads", rest, titles, here, "There is no thread yet."))
        return Step(f"Continuing: {_one_line(titles[index])}", thread=threads[index].thread_id)


def _index(rest: Sequence[str], count: int) -> int | None:
    return chosen(rest[0], count) if len(rest) == 1 else None


def _list(command: str, rest: Sequence[str], lines: Sequence[str], marked: int | None, nothing: str) -> str:
    if not lines:
        return nothing
    unknown = f"There is no number {_one_line(' '.join(rest))}.\n" if rest else ""
    return f"{unknown}{numbered(lines, marked)}\n{command} N chooses one."


async def _unless_new(reading: Awaitable[Sequence[_Read]]) -> Sequence[_Read]:
    """Return what is read of a thread, or nothing if the thread isn't there yet."""
    try:
        return await reading
    except (ServerError, AppError) as error:
        if error.code != UnknownThread.code:
            raise
        return ()
