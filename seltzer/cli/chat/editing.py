"""The session's commands that edit a conversation: /retry, /edit, /undo, /threads and /fork."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from seltzer.client import Branch, ThreadInfo

HELP: Final = """\
/retry     answer the last question again
/edit N    ask question N otherwise; /edit lists them
/undo      take the last question back: the next one takes its place
/fork N    continue with answer N of those there have been; /fork lists them
/threads N continue thread N; /threads lists them"""
LISTED: Final = 20
TEXT_CHARS: Final = 70


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the thread, by the id of its message."""

    message_id: str
    text: str


class EditingSource(Protocol):
    """What the commands need of where answers come from. Every method raises ClientError or AppError."""

    async def questions(self, graph: str, thread: str) -> Sequence[Question]:
        """Return the questions of the thread, oldest first; none if it is new."""

    async def branches(self, graph: str, thread: str) -> Sequence[Branch]:
        """Return the thread's branches, the newest first."""

    async def go_to(self, graph: str, thread: str, checkpoint_id: str) -> None:
        """Make the state the thread's newest one again."""

    async def threads(self, graph: str) -> Sequence[ThreadInfo]:
        """Return the graph's threads, the newest first."""


def questions_in(values: Any) -> list[Question]:
    """Return the questions among a state's messages."""
    messages = values.get("messages") if isinstance(values, dict) else values
    asked = [
        each
        for each in messages or ()
        if isinstance(each, dict) and each.get("type") == "human" and isinstance(each.get("id"), str)
    ]
    return [Question(each["id"], _text_of(each.get("content"))) for each in asked]


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


def _one_line(text: str) -> str:
    line = "".join(each if each.isprintable() else " " for each in " ".join(text.split()))
    return line if len(line) <= TEXT_CHARS else line[: TEXT_CHARS - 2] + ".."


@dataclass(frozen=True, slots=True)
class Step:
    """What the session does next: it shows the text, and then what else is given.

    retries: it has the last question answered again. edits: it asks for another text of the question.
    replaced: the next question takes this one's place. thread: it continues this one. is_elsewhere: the
    thread has another state now.
    """

    text: str = ""
    retries: bool = False
    edits: Question | None = None
    replaced: Question | None = None
    thread: str | None = None
    is_elsewhere: bool = False


class Commands:
    """Carries out the commands on the threads of one graph."""

    def __init__(self, source: EditingSource, graph: str) -> None:
        self._source = source
        self._graph = graph

    async def step(self, words: Sequence[str], thread: str, replaced: Question | None) -> Step | None:
        """Return what the command has the session do; None if it is none of these.

        replaced: the question that was taken back last. Raises ClientError and AppError.
        """
        match words:
            case ["/retry"]:
                return Step(retries=True)
            case ["/edit", *rest]:
                return await self._edit(rest, thread)
            case ["/undo"]:
                return await self._undo(thread, replaced)
            case ["/fork", *rest]:
                return await self._fork(rest, thread)
            case ["/threads", *rest]:
                return await self._threads(rest, thread)
        return None

    async def _edit(self, rest: Sequence[str], thread: str) -> Step:
        questions = await self._source.questions(self._graph, thread)
        index = _index(rest, len(questions))
        if index is not None:
            return Step(edits=questions[index])
        return Step(_list("/edit", [each.text for each in questions], None, "This thread has no question."))

    async def _undo(self, thread: str, replaced: Question | None) -> Step:
        questions = await self._source.questions(self._graph, thread)
        if replaced in questions:
            questions = questions[: questions.index(replaced)]
        if not questions:
            return Step("There is no question to take back.")
        taken = questions[-1]
        return Step(f"Taken back: {_one_line(taken.text)}", replaced=taken)

    async def _fork(self, rest: Sequence[str], thread: str) -> Step:
        branches = await self._source.branches(self._graph, thread)
        index = _index(rest, len(branches))
        if index is None:
            newest = next((number for number, each in enumerate(branches, 1) if each.is_newest), None)
            return Step(_list("/fork", [each.text for each in branches], newest, "There is no answer yet."))
        await self._source.go_to(self._graph, thread, branches[index].checkpoint_id)
        return Step(f"Continuing after: {_one_line(branches[index].text)}", is_elsewhere=True)

    async def _threads(self, rest: Sequence[str], thread: str) -> Step:
        threads = await self._source.threads(self._graph)
        index = _index(rest, len(threads))
        if index is None:
            ids = [each.thread_id for each in threads]
            here = ids.index(thread) + 1 if thread in ids else None
            titles = [each.title or each.thread_id for each in threads]
            return Step(_list("/threads", titles, here, "There is no thread yet."))
        return Step(f"Continuing: {_one_line(threads[index].title)}", thread=threads[index].thread_id)


def _index(rest: Sequence[str], count: int) -> int | None:
    return chosen(rest[0], count) if len(rest) == 1 else None


def _list(command: str, lines: Sequence[str], marked: int | None, nothing: str) -> str:
    return f"{numbered(lines, marked)}\n{command} N chooses one." if lines else nothing
