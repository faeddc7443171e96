"""Where a server listens, and who can reach it there."""

from __future__ import annotations

import socket

import pytest

from seltzer.cli.serve.listener import CannotListen, bound_url, listen, reach_of


def listening(host: str) -> socket.socket:
    try:
        return listen(host, 0)
    except CannotListen:
        pytest.skip(f"this machine can't listen on {host}")


@pytest.mark.parametrize(
    ("host", "opened", "reach"),
    [
        ("0.0.0.0", "127.0.0.1", "0.0.0.0:{port}, every IPv4 address of this machine: the network"),
        ("0", "127.0.0.1", "0.0.0.0:{port}, every IPv4 address of this machine: the network"),
        ("::", "[::1]", "[::]:{port}, every "),
        ("0:0::0", "[::1]", "[::]:{port}, every "),
    ],
)
def test_all_addresses_are_opened_by_loopbacks_and_reached_by_others(
    host: str, opened: str, reach: str
) -> None:
    with listening(host) as listener:
        port = listener.getsockname()[1]

        assert bound_url(listener, host) == f"http://{opened}:{port}"
        assert reach_of(listener).startswith(reach.format(port=port))


@pytest.mark.parametrize("is_ipv6_only", [False, True])
def test_an_ipv6_socket_is_reached_by_ipv4_unless_it_refuses_that(is_ipv6_only: bool) -> None:
    with listening("::1"), socket.socket(socket.AF_INET6) as listener:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, is_ipv6_only)
        listener.bind(("::", 0))

        assert ("IPv4" in reach_of(listener)) != is_ipv6_only


@pytest.mark.parametrize(
    ("host", "opened"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("localhost", "localhost"), ("::1", "[::1]")],
)
def test_loopback_is_reached_by_this_machine_alone(host: str, opened: str) -> None:
    with listening(host) as listener:
        assert bound_url(listener, host) == f"http://{opened}:{listener.getsockname()[1]}"
        assert reach_of(listener) == ""


def test_an_address_of_this_machine_is_reached_by_others() -> None:
    host = socket.gethostbyname(socket.gethostname())
    if host.startswith("127."):
        pytest.skip("this machine's name is a loopback address")
    with listening(host) as listener:
        place = f"{host}:{listener.getsockname()[1]}"

        assert bound_url(listener, host) == f"http://{place}"
        assert reach_of(listener) == f"{place}: the network can reach it"
