"""A way to a Postgres server that a test can cut without closing it, as a pulled cable would."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.patience import PATIENCE_S


class Network:
    """Relays connections to the server of a database, started by `with`. url: the database by this way."""

    def __init__(self, url: str) -> None:
        self._direct = conninfo_to_dict(url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)
        self._is_up = threading.Event()
        self._stop = asyncio.Event()
        self._whole = asyncio.Event()
        self._port = 0

    @property
    def url(self) -> str:
        return make_conninfo("", **(self._direct | {"host": "127.0.0.1", "port": self._port}))

    def cut(self) -> None:
        """Forward nothing any more, in neither direction; new connections get no answer."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self) -> None:
        """Forward again, what was sent meanwhile first."""
        self._loop.call_soon_threadsafe(self._whole.set)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_up.wait(PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        self._whole.set()
        self._is_up.set()
        await self._stop.wait()
        server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        host, port = self._direct["host"], self._direct["port"]
        there_reader, there_writer = await asyncio.open_connection(str(host), int(str(port)))
        await asyncio.gather(self._forward(reader, there_writer), self._forward(there_reader, writer))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65_536):
                await self._whole.wait()
                writer.write(piece)
                await writer.drain()
        await self._whole.wait()
        writer.close()
