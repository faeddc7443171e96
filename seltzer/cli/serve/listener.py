"""The server's socket: bound once, with an error that says what to do."""

import errno
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

BACKLOG: Final = 2048
_ADVICE: Final = {
    errno.EADDRINUSE: (
        "port {port} of {host} is in use: stop what uses it, or choose another with --port or PORT"
    ),
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
    address = _address(host)
    if address is not None and address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://{_with_port(host, port)}"


def bound_url(listener: socket.socket, host: str) -> str:
    """Return the URL under which this machine reaches the listener, which was bound to the host."""
    bound, port = listener.getsockname()[:2]
    address = _address(bound)
    return url_of(bound if address is not None and address.is_unspecified else host, port)


def reach_of(listener: socket.socket) -> str:
    """Return at which address others can reach the listener; empty: only this machine can."""
    host, port = listener.getsockname()[:2]
    address, place = _address(host), _with_port(host, port)
    if address is None or address.is_loopback:
        return ""
    if not address.is_unspecified:
        return f"{place}: the network can reach it"
    is_dual = address.version == 6 and not listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    family = "IPv4 and IPv6" if is_dual else f"IPv{address.version}"
    return f"{place}, every {family} address of this machine: the network can reach it"


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the host as an address, however it is written; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None
