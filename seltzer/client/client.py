"""The client of the native routes, with asyncio and without: AsyncClient and Client."""

import json
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from random import random
from typing import Any, Final, TypeVar, Unpack

import anyio

from seltzer.client.errors import ServerUnreachable
from seltzer.client.http import requests
from seltzer.client.http.backoff import Patience
from seltzer.client.http.connection import DEFAULT_URL, aanswered, afollowed, answered, followed
from seltzer.client.http.requests import Ask, Query, RunOptions
from seltzer.client.records import (
    RunInfo,
    ThreadPage,
    ThreadState,
    run_info,
    thread_page,
    thread_state,
)
from seltzer.client.streams.follow import Following
from seltzer.client.streams.parts import Part

DEFAULT_GRAPH: Final = "agent"
SILENCE_S: Final = 15.0  # the server pings every 5 s
PATIENCE_S: Final = 60.0

_Record = TypeVar("_Record")


class _Shared:
    """What the two clients have in common: nothing here sends or waits."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        silence_s: float | None = SILENCE_S,
        patience_s: float = PATIENCE_S,
        on_lost: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """Take the server's address.

        silence_s is how long a connection may be silent before it counts as lost; patience_s how long a lost
        one is tried for without any progress. on_lost is told the reason when a connection is lost, once
        until it is found again.
        """
        self.url = url
        self._silence_s = silence_s
        self._patience_s = patience_s
        self._on_lost = on_lost

    def _following(self, graph: str, first: Ask | None, run_id: str = "", after: str = "") -> Following:
        return Following(
            self.url,
            graph,
            first,
            run_id=run_id,
            after=after,
            patience_s=self._patience_s,
            on_lost=self._on_lost,
        )

    def _read(self, body: bytes, read: Callable[[Any], _Record]) -> _Record:
        try:
            return read(json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            raise ServerUnreachable(self.url, "what answers there isn't Seltzer") from error

    @staticmethod
    def _wait_s(patience: Patience, error: ServerUnreachable) -> float:
        """Return how long to wait before starting a run again. Raises the error if that is no use."""
        if not (error.may_have_arrived or patience.is_tried):
            raise error
        wait_s = patience.wait_s(time.monotonic())
        if wait_s is None:
            raise error
        return wait_s


class AsyncClient(_Shared):
    """Talks to the graphs of a server.

    What streams yields an answer's parts as they are made, ending with Done or Interrupted; when the
    connection breaks it connects again and goes on where it was. Leaving it doesn't stop the run: cancel()
    does. Everything raises ServerUnreachable and ServerError; what streams raises AnswerCutOff, too.
    """

    def stream(
        self, query: Query, *, graph: str = DEFAULT_GRAPH, **options: Unpack[RunOptions]
    ) -> AsyncGenerator[Part, None]:
        """Ask, and yield the answer's parts. query is a question, or a graph's own input."""
        first = requests.start(graph, query, options, streams=True)
        return afollowed(self._following(graph, first), self._silence_s)

    def follow(self, graph: str, run_id: str, *, after: str = "") -> AsyncGenerator[Part, None]:
        """Yield what a run says, from its start or behind a cursor, such as an AnswerCutOff has."""
        return afollowed(self._following(graph, None, run_id, after), self._silence_s)

    def resume(
        self, graph: str, run_id: str, answer: Any, *, interrupt_id: str | None = None
    ) -> AsyncGenerator[Part, None]:
        """Answer what an interrupted run asks, and yield the parts of the run that goes on from there.

        interrupt_id says which of several is answered.
        """
        first = requests.resume(graph, run_id, answer, interrupt_id)
        return afollowed(self._following(graph, first), self._silence_s)

    def resume_all(self, graph: str, run_id: str, answers: Mapping[str, Any]) -> AsyncGenerator[Part, None]:
        """Answer all that an interrupted run asks, by the interrupts' ids, and go on as resume() does."""
        first = requests.resume_all(graph, run_id, answers)
        return afollowed(self._following(graph, first), self._silence_s)

    async def start(
        self, query: Query, *, graph: str = DEFAULT_GRAPH, **options: Unpack[RunOptions]
    ) -> RunInfo:
        """Start a run in the background, one run even if the connection breaks meanwhile."""
        ask, patience = (
            requests.start(graph, query, options, streams=False),
            Patience(self._patience_s, random),
        )
        while True:
            try:
                return await self._answer(ask, run_info)
            except ServerUnreachable as error:
                wait_s = self._wait_s(patience, error)
            await anyio.sleep(wait_s)

    async def run(self, graph: str, run_id: str) -> RunInfo:
        """Return the run as it stands now."""
        return await self._answer(requests.run(graph, run_id), run_info)

    async def cancel(self, graph: str, run_id: str) -> RunInfo:
        """Tell the run to stop, and return it as it stands; it may end a moment later."""
        return await self._answer(requests.cancel(graph, run_id), run_info)

    async def threads(
        self, graph: str, *, query: str = "", limit: int | None = None, cursor: str | None = None
    ) -> ThreadPage:
        """Return the graph's threads, the newest first; query: only those whose title contains it."""
        return await self._answer(requests.threads(graph, query, limit, cursor), thread_page)

    async def thread(self, graph: str, thread_id: str) -> ThreadState:
        """Return a thread with its state."""
        return await self._answer(requests.thread(graph, thread_id), thread_state)

    async def delete_thread(self, graph: str, thread_id: str) -> None:
        """Forget a thread with all that was said on it."""
        await aanswered(self.url, requests.delete_thread(graph, thread_id), self._silence_s)

    async def _answer(self, ask: Ask, read: Callable[[Any], _Record]) -> _Record:
        return self._read(await aanswered(self.url, ask, self._silence_s), read)


class Client(_Shared):
    """Does what AsyncClient does, without asyncio."""

    def stream(
        self, query: Query, *, graph: str = DEFAULT_GRAPH, **options: Unpack[RunOptions]
    ) -> Generator[Part, None, None]:
        """Ask, and yield the answer's parts. query is a question, or a graph's own input."""
        first = requests.start(graph, query, options, streams=True)
        return followed(self._following(graph, first), self._silence_s)

    def follow(self, graph: str, run_id: str, *, after: str = "") -> Generator[Part, None, None]:
        """Yield what a run says, from its start or behind a cursor, such as an AnswerCutOff has."""
        return followed(self._following(graph, None, run_id, after), self._silence_s)

    def resume(
        self, graph: str, run_id: str, answer: Any, *, interrupt_id: str | None = None
    ) -> Generator[Part, None, None]:
        """Answer what an interrupted run asks, and yield the parts of the run that goes on from there.

        interrupt_id says which of several is answered.
        """
        first = requests.resume(graph, run_id, answer, interrupt_id)
        return followed(self._following(graph, first), self._silence_s)

    def resume_all(self, graph: str, run_id: str, answers: Mapping[str, Any]) -> Generator[Part, None, None]:
        """Answer all that an interrupted run asks, by the interrupts' ids, and go on as resume() does."""
        first = requests.resume_all(graph, run_id, answers)
        return followed(self._following(graph, first), self._silence_s)

    def start(self, query: Query, *, graph: str = DEFAULT_GRAPH, **options: Unpack[RunOptions]) -> RunInfo:
        """Start a run in the background, one run even if the connection breaks meanwhile."""
        ask, patience = (
            requests.start(graph, query, options, streams=False),
            Patience(self._patience_s, random),
        )
        while True:
            try:
                return self._answer(ask, run_info)
            except ServerUnreachable as error:
                wait_s = self._wait_s(patience, error)
            time.sleep(wait_s)

    def run(self, graph: str, run_id: str) -> RunInfo:
        """Return the run as it stands now."""
        return self._answer(requests.run(graph, run_id), run_info)

    def cancel(self, graph: str, run_id: str) -> RunInfo:
        """Tell the run to stop, and return it as it stands; it may end a moment later."""
        return self._answer(requests.cancel(graph, run_id), run_info)

    def threads(
        self, graph: str, *, query: str = "", limit: int | None = None, cursor: str | None = None
    ) -> ThreadPage:
        """Return the graph's threads, the newest first; query: only those whose title contains it."""
        return self._answer(requests.threads(graph, query, limit, cursor), thread_page)

    def thread(self, graph: str, thread_id: str) -> ThreadState:
        """Return a thread with its state."""
        return self._answer(requests.thread(graph, thread_id), thread_state)

    def delete_thread(self, graph: str, thread_id: str) -> None:
        """Forget a thread with all that was said on it."""
        answered(self.url, requests.delete_thread(graph, thread_id), self._silence_s)

    def _answer(self, ask: Ask, read: Callable[[Any], _Record]) -> _Record:
        return self._read(answered(self.url, ask, self._silence_s), read)
