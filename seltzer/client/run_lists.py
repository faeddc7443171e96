"""The client's calls that list runs, with asyncio and without: AsyncRunLists and RunLists."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from seltzer.client.http import requests
from seltzer.client.http.requests import Request

_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a list, with what it took; None is what isn't known, or hasn't happened.

    duration_ms, first_token_ms, tokens and usage are those of the attempt that ended it. error is a code.
    """

    run_id: str
    graph: str
    thread_id: str
    status: str
    attempt: int
    created_at: str
    started_at: str | None
    ended_at: str | None
    duration_ms: int | None
    first_token_ms: int | None
    tokens: int | None
    usage: Mapping[str, Any] | None
    error: str | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs, the newest first; next_cursor is for the next page, None on the last one."""

    runs: tuple[RunSummary, ...]
    next_cursor: str | None


class AsyncRunLists:
    """What AsyncClient does with lists of runs. Its methods raise ServerUnreachable and ServerError."""

    async def runs(
        self,
        graph: str = "",
        *,
        status: Iterable[str] = (),
        thread_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> RunPage:
        """Return a page of runs, the newest first: the graph's, or without one those of all graphs.

        status, thread_id: only those of one of these statuses, or on that thread.
        """
        return await self._answer(requests.runs(graph, status, thread_id, limit, cursor), _page)

    async def iter_runs(
        self,
        graph: str = "",
        *,
        status: Iterable[str] = (),
        thread_id: str | None = None,
        limit: int | None = 100,
    ) -> AsyncGenerator[RunSummary, None]:
        """Yield all runs as runs() has them, at most limit of them a request."""
        statuses, cursor = tuple(status), None
        while True:
            request = requests.runs(graph, statuses, thread_id, limit, cursor)
            page = await self._answer(request, _page)
            for each in page.runs:
                yield each
            cursor = page.next_cursor
            if cursor is None:
                return

    @abstractmethod
    async def _answer(self, request: Request, read: Callable[[Any], _Record]) -> _Record: ...


class RunLists:
    """Does what AsyncRunLists does, without asyncio."""

    def runs(
        self,
        graph: str = "",
        *,
        status: Iterable[str] = (),
        thread_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> RunPage:
        """Return a page of runs, the newest first: the graph's, or without one those of all graphs.

        status, thread_id: only those of one of these statuses, or on that thread.
        """
        return self._answer(requests.runs(graph, status, thread_id, limit, cursor), _page)

    def iter_runs(
        self,
        graph: str = "",
        *,
        status: Iterable[str] = (),
        thread_id: str | None = None,
        limit: int | None = 100,
    ) -> Generator[RunSummary, None, None]:
        """Yield all runs as runs() has them, at most limit of them a request."""
        statuses, cursor = tuple(status), None
        while True:
            page = self._answer(requests.runs(graph, statuses, thread_id, limit, cursor), _page)
            yield from page.runs
            cursor = page.next_cursor
            if cursor is None:
                return

    @abstractmethod
    def _answer(self, request: Request, read: Callable[[Any], _Record]) -> _Record: ...


def _page(body: Mapping[str, Any]) -> RunPage:
    """Read a page of runs. Raises KeyError or TypeError for what isn't one."""
    names = [field.name for field in fields(RunSummary)]
    runs = tuple(RunSummary(**{name: each[name] for name in names}) for each in body["runs"])
    return RunPage(runs, body["next_cursor"])
