"""A TCP relay that cuts its connections in the middle of an answer, as networks and proxies do."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.patience import PATIENCE_S

_PIECE = 65_536


@dataclass(slots=True)
class Relay:
    """Passes bytes on to the address.

    cuts: after how many bytes of its answer each connection is cut, in order; later ones aren't cut.
    requests has what each connection sent.
    """

    address: tuple[str, int]
    cuts: Sequence[int]
    requests: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def accept(self, listener: socket.socket) -> None:
        """Serve connections until the listener is closed."""
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, self._next_cut()), daemon=True).start()

    def _next_cut(self) -> int | None:
        number = len(self.requests)
        self.requests.append("")
        return self.cuts[number] if number < len(self.cuts) else None

    def _serve(self, client: socket.socket, cut: int | None) -> None:
        number = len(self.requests) - 1
        with client, socket.create_connection(self.address, timeout=PATIENCE_S) as server:
            client.settimeout(PATIENCE_S)
            threading.Thread(target=self._pass_request, args=(client, server, number), daemon=True).start()
            left = cut
            with contextlib.suppress(OSError):
                while piece := server.recv(_PIECE if left is None else min(left, _PIECE)):
                    client.sendall(piece)
                    if left is not None:
                        left -= len(piece)
                        if left == 0:
                            break
            for each in (client, server):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _pass_request(self, client: socket.socket, server: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(_PIECE):
                self.requests[number] += piece.decode("latin-1")
                server.sendall(piece)
            server.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relaying(address: tuple[str, int], cuts: Sequence[int]) -> Iterator[Relay]:
    """Relay to the address until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(address, cuts, port=listener.getsockname()[1])
        threading.Thread(target=relay.accept, args=(listener,), daemon=True).start()
        try:
            yield relay
        finally:
            listener.shutdown(socket.SHUT_RDWR)
