"""Where answers come from: a server over HTTP, or an engine in this process; both yield client parts."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from seltzer.cli.serve.listener import url_of
from seltzer.client import (
    AsyncClient,
    Interrupted,
    Part,
    ServedGraph,
    ServerUnreachable,
    served_graphs,
)
from seltzer.settings import Settings

_PROBE_S: Final = 2.0


class Source(Protocol):
    """Something that answers questions.

    Each iterator of parts ends with Done or Interrupted. Every method raises ClientError or AppError.
    """

    @property
    def graphs(self) -> Sequence[ServedGraph]:
        """The graphs, in the server's order."""

    def ask(self, graph: str, question: str, thread: str) -> AsyncGenerator[Part, None]:
        """Yield the answer's parts."""

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
) -> AsyncIterator[Source]:
    """Connect to the server at url, by default that of the settings, else open an engine in this process.

    headers are sent with every request to a server. on_lost is called when the connection is lost;
    reconnecting follows by itself.
    Raises ServerUnreachable for a url that was given, LoadError for graphs that can't be loaded here,
    DataInUse if another server uses the data folder.
    """
    if url is not None:
        yield _Server(url, await served_graphs(url, headers=headers), on_lost, headers)
        return
    here = url_of(settings.host, settings.port)
    try:
        graphs = await served_graphs(here, patience_s=_PROBE_S, headers=headers)
        server = _Server(here, graphs, on_lost, headers)
    except ServerUnreachable as error:
        print(f"{error}: running in this process.", file=sys.stderr)
    else:
        yield server
        return
    from seltzer.cli.chat.in_process import InProcess
    from seltzer.main import open_engine

    async with open_engine(settings) as engine:
        yield InProcess(engine)


class _Server:
    def __init__(
        self,
        url: str,
        graphs: Sequence[ServedGraph],
        on_lost: Callable[[str], None],
        headers: Mapping[str, str] | None,
    ) -> None:
        self._client = AsyncClient(url, on_lost=on_lost, headers=headers)
        self.graphs = graphs
        self._paths = {graph.name: graph.path for graph in graphs}

    def ask(self, graph: str, question: str, thread: str) -> AsyncGenerator[Part, None]:
        return self._client.stream(question, graph=self._paths[graph], thread_id=thread)

    def resume(
        self, graph: str, interrupted: Interrupted, answers: Mapping[str, Any]
    ) -> AsyncGenerator[Part, None]:
        return self._client.resume_all(self._paths[graph], interrupted.run_id, answers)

    def follow(self, graph: str, run_id: str) -> AsyncGenerator[Part, None]:
        return self._client.follow(self._paths[graph], run_id)

    async def pending(self, graph: str, thread: str) -> Interrupted | None:
        state = await self._client.thread(self._paths[graph], thread)
        run_id = state.thread.run_id
        if state.thread.status != "interrupted" or run_id is None:
            return None
        return Interrupted(run_id, thread, state.interrupts)

    async def cancel(self, graph: str, run_id: str) -> None:
        await self._client.cancel(self._paths[graph], run_id)
