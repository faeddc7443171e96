"""The server's socket: bound once, with an error that says what to do."""

import errno
import socket
from typing import Final

BACKLOG: Final = 2048
_ADVICE: Final = {
    errno.EADDRINUSE: "port {port} of {host} is in use: stop what uses it, or choose another with --port",
    errno.EACCES: "port {port} of {host} isn't open to this user: choose one above 1023 with --port",
    errno.EADDRNOTAVAIL: "this machine has no address {host}: choose one of its own with --host",
}


class CannotListen(Exception):
    """The address can't be bound. The text is one line: why, and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address; clients that connect wait until it is accepted from.

    It listens at once, because two sockets with SO_REUSEADDR may both bind as long as neither listens.
    Raises CannotListen.
    """
    if not host:  # to the resolver, no name means every address of the machine
        raise CannotListen("the host is empty: give an address with --host, such as 127.0.0.1")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise CannotListen(
            f"host {host!r} has no address: choose one of this machine's with --host"
        ) from None
    # "localhost" has an address in each family: IPv4 first, which is what people type into a browser
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        advice = _ADVICE.get(error.errno or 0, "can't listen on port {port} of {host}: {reason}")
        raise CannotListen(advice.format(host=host, port=port, reason=error.strerror)) from None
    return listener


def url_of(host: str, port: int) -> str:
    """Return the URL under which this machine reaches a server listening there."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
