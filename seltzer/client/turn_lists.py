"""The client's lists of turns, with asyncio and without: AsyncTurnLists and TurnLists."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from seltzer.client.http import requests
from seltzer.client.http.requests import Request

_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class TurnRun:
    """A run that has written a turn. is_whole: all of what it has written is on this branch."""

    run_id: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one input. checkpoint_id: the state with which it begins.

    message_ids are those of the messages in its input, input is the rest of it; is_input_omitted: that is too
    long for a list. runs have written it, in this order; is_edited: its state was updated by hand, too.
    """

    checkpoint_id: str
    message_ids: tuple[str, ...]
    input: Any
    is_input_omitted: bool
    runs: tuple[TurnRun, ...]
    is_edited: bool


@dataclass(frozen=True, slots=True)
class TurnPage:
    """Some of a thread's turns, the newest first; next_before is for the next page, None on the last one."""

    turns: tuple[Turn, ...]
    next_before: str | None


class AsyncTurnLists:
    """How AsyncClient lists turns. All methods raise ServerUnreachable and ServerError."""

    async def turns(
        self, graph: str, thread_id: str, *, limit: int | None = None, before: str | None = None
    ) -> TurnPage:
        """Return a page of the turns of a thread's newest branch, the newest first.

        before: only those before the turn that begins at that checkpoint.
        """
        return await self._answer(requests.turns(graph, thread_id, limit, before), _page)

    async def iter_turns(
        self, graph: str, thread_id: str, *, limit: int | None = 100
    ) -> AsyncGenerator[Turn, None]:
        """Yield all turns as turns() has them, at most limit of them a request."""
        before = None
        while True:
            page = await self._answer(requests.turns(graph, thread_id, limit, before), _page)
            for each in page.turns:
                yield each
            before = page.next_before
            if before is None:
                return

    @abstractmethod
    async def _answer(self, request: Request, read: Callable[[Any], _Record]) -> _Record: ...


class TurnLists:
    """Does what AsyncTurnLists does, without asyncio."""

    def turns(
        self, graph: str, thread_id: str, *, limit: int | None = None, before: str | None = None
    ) -> TurnPage:
        """Return a page of the turns of a thread's newest branch, the newest first.

        before: only those before the turn that begins at that checkpoint.
        """
        return self._answer(requests.turns(graph, thread_id, limit, before), _page)

    def iter_turns(
        self, graph: str, thread_id: str, *, limit: int | None = 100
    ) -> Generator[Turn, None, None]:
        """Yield all turns as turns() has them, at most limit of them a request."""
        before = None
        while True:
            page = self._answer(requests.turns(graph, thread_id, limit, before), _page)
            yield from page.turns
            before = page.next_before
            if before is None:
                return

    @abstractmethod
    def _answer(self, request: Request, read: Callable[[Any], _Record]) -> _Record: ...


def _page(body: Mapping[str, Any]) -> TurnPage:
    """Read a page of turns. Raises KeyError or TypeError for what isn't one."""
    return TurnPage(tuple(map(_turn, body["turns"])), body["next_before"])


def _turn(body: Mapping[str, Any]) -> Turn:
    return Turn(
        checkpoint_id=body["checkpoint_id"],
        message_ids=tuple(body["message_ids"]),
        input=body["input"],
        is_input_omitted=body["is_input_omitted"],
        runs=tuple(TurnRun(each["run_id"], each["is_whole"]) for each in body["runs"]),
        is_edited=body["is_edited"],
    )
