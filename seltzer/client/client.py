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
from seltzer.client.http.connection import DEFAULT_URL, Headers, afollow_run, asend, follow_run, send
from seltzer.client.http.requests import Query, Request, RunOptions
from seltzer.client.records import RunInfo, run_info
from seltzer.client.run_lists import AsyncRunLists, RunLists
from seltzer.client.streams.follow import RunFollower
from seltzer.client.streams.parts import Part
from seltzer.client.threads import AsyncThreads, Threads
from seltzer.client.turn_lists import AsyncTurnLists, TurnLists

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
        headers: Headers | None = None,
    ) -> None:
        """Connect to the server at url, lazily.

        headers are sent with every request, such as a key that the server's app asks for.

        silence_s is how long a connection may be silent before it counts as lost; patience_s how long to
        retry a lost one without any progress. on_lost is called with the reason when a connection is lost,
        once until it is restored.
        """
        self.url = url
        self._silence_s = silence_s
        self._patience_s = patience_s
        self._on_lost = on_lost
        self._headers = headers

    def _follower(self, graph: str, first: Request | None, run_id: str = "", after: str = "") -> RunFollower:
        return RunFollower(
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
            raise ServerUnreachable(self.url, "the server there isn't Seltzer") from error

    @staticmethod
    def _wait_s(patience: Patience, error: ServerUnreachable) -> float:
        """Return how long to wait before sending a request again. Raises the error if that can't help."""
        if not (error.may_have_arrived or patience.is_tried):
            raise error
        wait_s = patience.wait_s(time.monotonic())
        if wait_s is None:
            raise error
        return wait_s


class AsyncClient(_Shared, AsyncThreads, AsyncTurnLists, AsyncRunLists):
    """Talks to the graphs of a server.

    The streaming methods yield an answer's parts as they are produced, ending with Done or Interrupted; when
    the connection breaks they reconnect and resume where they were. Closing the stream doesn't stop the run:
    cancel() does. All methods raise ServerUnreachable and ServerError; the streaming ones AnswerCutOff, too.
    """

    def stream(
        self, query: Query | None, *, graph: str = DEFAULT_GRAPH, **options: Unpack[RunOptions]
    ) -> AsyncGenerator[Part, None]:
        """Start a run, and yield the answer's parts. query is a question, or a graph's own input.

        None answers the last question of the thread again, or that of from_message's turn.
        """
        first = requests.start(graph, query, options, streams=True)
        return afollow_run(self._follower(graph, first), self._silence_s, headers=self._headers)

    def follow(self, graph: str, run_id: str, *, after: str = "") -> AsyncGenerator[Part, None]:
        """Yield a run's parts, from its start or after a cursor, such as that of an AnswerCutOff."""
        return afollow_run(self._follower(graph, None, run_id, after), self._silence_s, headers=self._headers)

    def resume(
        self,
        graph: str,
        run_id: str,
        answer: Any,
        *,
        interrupt_id: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Part, None]:
        """Answer an interrupted run's question, and yield the parts of the run that continues it.

        interrupt_id selects one of several interrupts. context: another than the interrupted run's.
        """
        first = requests.resume(graph, run_id, answer, interrupt_id, context)
        return afollow_run(self._follower(graph, first), self._silence_s, headers=self._headers)

    def resume_all(
        self,
        graph: str,
        run_id: str,
        answers: Mapping[str, Any],
        *,
        context: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Part, None]:
        """Answer all interrupts of a run, by their ids, and continue as resume() does."""
        first = requests.resume_all(graph, run_id, answers, context)
        return afollow_run(self._follower(graph, first), self._silence_s, headers=self._headers)

    async def start(
        self, query: Query | None, *, graph: str = DEFAULT_GRAPH, **options: Unpack[RunOptions]
    ) -> RunInfo:
        """Start a run in the background, one run even if the connection breaks meanwhile."""
        return await self._answer_once(requests.start(graph, query, options, streams=False), run_info)

    async def run(self, graph: str, run_id: str) -> RunInfo:
        """Return the run's current state."""
        return await self._answer(requests.run(graph, run_id), run_info)

    async def cancel(self, graph: str, run_id: str) -> RunInfo:
        """Cancel the run, and return its current state; it may end a moment later."""
        return await self._answer(requests.cancel(graph, run_id), run_info)

    async def _send(self, request: Request) -> bytes:
        return await asend(self.url, request, self._silence_s, self._headers)

    async def _answer(self, request: Request, read: Callable[[Any], _Record]) -> _Record:
        return self._read(await self._send(request), read)

    async def _answer_once(self, request: Request, read: Callable[[Any], _Record]) -> _Record:
        patience = Patience(self._patience_s, random)
        while True:
            try:
                return await self._answer(request, read)
            except ServerUnreachable as error:
                wait_s = self._wait_s(patience, error)
            await anyio.sleep(wait_s)


class Client(_Shared, Threads, TurnLists, RunLists):
    """Does what AsyncClient does, without asyncio."""

    def stream(
        self, query: Query | None, *, graph: str = DEFAULT_GRAPH, **options: Unpack[RunOptions]
    ) -> Generator[Part, None, None]:
        """Start a run, and yield the answer's parts. query is a question, or a graph's own input.

        None answers the last question of the thread again, or that of from_message's turn.
        """
        first = requests.start(graph, query, options, streams=True)
        return follow_run(self._follower(graph, first), self._silence_s, headers=self._headers)

    def follow(self, graph: str, run_id: str, *, after: str = "") -> Generator[Part, None, None]:
        """Yield a run's parts, from its start or after a cursor, such as that of an AnswerCutOff."""
        return follow_run(self._follower(graph, None, run_id, after), self._silence_s, headers=self._headers)

    def resume(
        self,
        graph: str,
        run_id: str,
        answer: Any,
        *,
        interrupt_id: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Generator[Part, None, None]:
        """Answer an interrupted run's question, and yield the parts of the run that continues it.

        interrupt_id selects one of several interrupts. context: another than the interrupted run's.
        """
        first = requests.resume(graph, run_id, answer, interrupt_id, context)
        return follow_run(self._follower(graph, first), self._silence_s, headers=self._headers)

    def resume_all(
        self,
        graph: str,
        run_id: str,
        answers: Mapping[str, Any],
        *,
        context: Mapping[str, Any] | None = None,
    ) -> Generator[Part, None, None]:
        """Answer all interrupts of a run, by their ids, and continue as resume() does."""
        first = requests.resume_all(graph, run_id, answers, context)
        return follow_run(self._follower(graph, first), self._silence_s, headers=self._headers)

    def start(
        self, query: Query | None, *, graph: str = DEFAULT_GRAPH, **options: Unpack[RunOptions]
    ) -> RunInfo:
        """Start a run in the background, one run even if the connection breaks meanwhile."""
        return self._answer_once(requests.start(graph, query, options, streams=False), run_info)

    def run(self, graph: str, run_id: str) -> RunInfo:
        """Return the run's current state."""
        return self._answer(requests.run(graph, run_id), run_info)

    def cancel(self, graph: str, run_id: str) -> RunInfo:
        """Cancel the run, and return its current state; it may end a moment later."""
        return self._answer(requests.cancel(graph, run_id), run_info)

    def _send(self, request: Request) -> bytes:
        return send(self.url, request, self._silence_s, self._headers)

    def _answer(self, request: Request, read: Callable[[Any], _Record]) -> _Record:
        return self._read(self._send(request), read)

    def _answer_once(self, request: Request, read: Callable[[Any], _Record]) -> _Record:
        patience = Patience(self._patience_s, random)
        while True:
            try:
                return self._answer(request, read)
            except ServerUnreachable as error:
                wait_s = self._wait_s(patience, error)
            time.sleep(wait_s)
