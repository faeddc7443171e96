"""Where answers come from: a server over HTTP, or an engine in this process; both yield client parts."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

from app.cli.listening import url_of
from app.client import Part, ServedGraph, ServerUnreachable, served_graphs, stream_events
from app.settings import Settings

_PROBE_S: Final = 2.0


class Source(Protocol):
    """Something that answers questions."""

    @property
    def graphs(self) -> Sequence[ServedGraph]:
        """The graphs on offer, in their own order."""

    def ask(self, graph: str, question: str, thread: str) -> AsyncGenerator[Part, None]:
        """Yield the answer's parts, ending with Done; closing it stops the run.

        Raises ClientError or AppError if there is no whole answer.
        """


@asynccontextmanager
async def connected(url: str | None, settings: Settings) -> AsyncIterator[Source]:
    """Give the server at url; without one the server that the settings name, else an engine in this process.

    Raises ServerUnreachable for a url that was given, LoadError for graphs that can't be loaded here.
    """
    if url is not None:
        yield _Server(url, await served_graphs(url))
        return
    here = url_of(settings.host, settings.port)
    try:
        server = _Server(here, await served_graphs(here, patience_s=_PROBE_S))
    except ServerUnreachable as error:
        print(f"{error}: running in this process.", file=sys.stderr)
    else:
        yield server
        return
    from app.cli.inprocess import InProcess
    from app.main import open_engine

    async with open_engine(settings) as engine:
        yield InProcess(engine)


class _Server:
    def __init__(self, url: str, graphs: Sequence[ServedGraph]) -> None:
        self._url = url
        self.graphs = graphs

    def ask(self, graph: str, question: str, thread: str) -> AsyncGenerator[Part, None]:
        return stream_events(graph, question, self._url, thread_id=thread)
