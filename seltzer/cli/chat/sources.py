"""Where answers come from: a server over HTTP, or an engine in this process; both yield client parts."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from seltzer.cli.chat.editing import LAST_MESSAGES, LISTED, EditingSource, Turn, turns_in
from seltzer.cli.serve.listener import url_of
from seltzer.client import (
    AsyncClient,
    Branch,
    Interrupted,
    Part,
    ServedGraph,
    ServerUnreachable,
    ThreadInfo,
)
from seltzer.client.graphs import PATIENCE_S, BrokenGraph, Described, describe
from seltzer.client.http.requests import RunOptions
from seltzer.settings import Settings

_PROBE_S: Final = 2.0


class Source(EditingSource, Protocol):
    """Something that answers questions. Every run it starts has the options that it was connected with.

    Each iterator of parts ends with Done or Interrupted. Every method raises ClientError or AppError.
    """

    @property
    def graphs(self) -> Sequence[ServedGraph]:
        """The graphs, in the server's order."""

    @property
    def broken(self) -> Sequence[BrokenGraph]:
        """The graphs that can't be loaded."""

    def ask(
        self, graph: str, question: str | None, thread: str, from_message: str | None = None
    ) -> AsyncGenerator[Part, None]:
        """Yield the answer's parts.

        Without a question, the thread's last turn is run again. from_message: a message of the thread, whose
        turn this one takes the place of.
        """

    def resume(
        self, graph: str, interrupted: Interrupted, answers: Mapping[str, Any]
    ) -> AsyncGenerator[Part, None]:
        """Answer the interrupts, by their ids, and yield the parts of the run that follows."""

    def follow(self, graph: str, run_id: str) -> AsyncGenerator[Part, None]:
        """Yield the parts of a run from its start."""

    async def pending(self, graph: str, thread: str) -> Interrupted | None:
        """Return the interrupt that the thread waits at, or None."""

    async def cancel(self, graph: str, run_id: str) -> None:
        """Cancel the run."""


@asynccontextmanager
async def connected(
    url: str | None,
    settings: Settings,
    on_lost: Callable[[str], None],
    *,
    headers: Mapping[str, str] | None = None,
    graph_path: str | None = None,
    run_options: RunOptions | None = None,
) -> AsyncIterator[Source]:
    """Connect to the server at url, by default that of the settings, else open an engine in this process.

    headers are sent with every request to a server. on_lost is called when the connection is lost;
    reconnecting follows by itself. graph_path: where a graph is, in an app that lists none. run_options: the
    config and the context of every run.
    Raises ServerUnreachable for a url that was given, LoadError for graphs that can't be loaded here,
    DataInUse if another server uses the data folder.
    """
    options = run_options or RunOptions()

    async def connect(url: str, patience_s: float) -> _Server:
        described = await describe(url, graph_path, patience_s=patience_s, headers=headers)
        return _Server(described, AsyncClient(url, on_lost=on_lost, headers=headers), options)

    if url is not None:
        yield await connect(url, PATIENCE_S)
        return
    try:
        server = await connect(url_of(settings.host, settings.port), _PROBE_S)
    except ServerUnreachable as error:
        print(f"{error}: running in this process.", file=sys.stderr)
    else:
        yield server
        return
    from seltzer.cli.chat.in_process import InProcess
    from seltzer.main import input_limits, open_engine

    async with open_engine(settings) as engine:
        yield InProcess(engine, input_limits(settings), options)


class _Server:
    def __init__(self, described: Described, client: AsyncClient, options: RunOptions) -> None:
        self._client = client
        self._options = options
        self.graphs = described.graphs
        self.broken = described.broken
        self._paths = {graph.name: graph.path for graph in described.graphs}

    def ask(
        self, graph: str, question: str | None, thread: str, from_message: str | None = None
    ) -> AsyncGenerator[Part, None]:
        options: RunOptions = {**self._options, "thread_id": thread, "from_message": from_message}
        return self._client.stream(question, graph=self._paths[graph], **options)

    def resume(
        self, graph: str, interrupted: Interrupted, answers: Mapping[str, Any]
    ) -> AsyncGenerator[Part, None]:
        context = self._options.get("context")
        return self._client.resume_all(self._paths[graph], interrupted.run_id, answers, context=context)

    def follow(self, graph: str, run_id: str) -> AsyncGenerator[Part, None]:
        return self._client.follow(self._paths[graph], run_id)

    async def pending(self, graph: str, thread: str) -> Interrupted | None:
        state = await self._client.thread(self._paths[graph], thread, limit=1)
        run_id = state.thread.run_id
        if state.thread.status != "interrupted" or run_id is None:
            return None
        return Interrupted(run_id, thread, state.interrupts)

    async def cancel(self, graph: str, run_id: str) -> None:
        await self._client.cancel(self._paths[graph], run_id)

    async def turns(self, graph: str, thread: str) -> Sequence[Turn]:
        return turns_in((await self._client.thread(self._paths[graph], thread)).values)

    async def last_turn(self, graph: str, thread: str) -> Turn | None:
        state = await self._client.thread(self._paths[graph], thread, limit=LAST_MESSAGES)
        return next(reversed(turns_in(state.values)), None)

    async def take_back(self, graph: str, thread: str, turn: Turn) -> None:
        await self._client.update_state(
            self._paths[graph], thread, None, as_node="__copy__", from_message=turn.message_id
        )

    async def withdraw(self, graph: str, run_id: str) -> None:
        await self._client.withdraw(self._paths[graph], run_id)

    async def branches(self, graph: str, thread: str) -> Sequence[Branch]:
        return await self._client.branches(self._paths[graph], thread, limit=LISTED)

    async def go_to(self, graph: str, thread: str, checkpoint_id: str) -> None:
        await self._client.update_state(
            self._paths[graph], thread, None, as_node="__copy__", checkpoint_id=checkpoint_id
        )

    async def threads(self, graph: str) -> Sequence[ThreadInfo]:
        return (await self._client.threads(self._paths[graph], limit=LISTED)).threads
