"""Everything done with httpx: connecting, reading error responses, and following a run to its end."""

import ipaddress
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import anyio
import httpx

from seltzer.client.errors import AnswerCutOff, ServerError, ServerUnreachable
from seltzer.client.http.requests import Request
from seltzer.client.streams.follow import RunFollower
from seltzer.client.streams.parts import Part

Headers: TypeAlias = Mapping[str, str]
DEFAULT_URL: Final = "http://127.0.0.1:8000"
CONNECT_TIMEOUT_S: Final = 5.0
_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)
_BREAKS: Final = (httpx.TransportError, httpx.DecodingError)
_FAILURES: Final = (ServerError, ServerUnreachable, *_BREAKS)


async def afollow_run(
    follower: RunFollower,
    silence_s: float | None,
    *,
    headers: Headers | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> AsyncGenerator[Part, None]:
    """Yield the run's parts, reconnecting whenever the connection breaks or is silent for silence_s.

    Raises ServerUnreachable, ServerError and AnswerCutOff.
    """
    async with aclient(follower.url, silence_s, headers) as client:
        while not follower.is_over:
            try:
                async with aopen_response(client, follower.url, follower.next_request()) as response:
                    for part in follower.receive_head(response.status_code, response.headers):
                        yield part
                    async with aclosing(response.aiter_bytes()) as pieces:  # type: ignore[type-var]  # typed as an iterator, is a generator
                        async for piece in pieces:
                            for part in follower.receive(piece):
                                yield part
                            if follower.is_done_reading or follower.is_over:
                                break
                    for part in follower.receive_end():
                        yield part
            except _FAILURES as error:
                follower.receive_error(error)
            if not follower.is_over:
                await sleep(follower.pause_s(clock()))


def follow_run(
    follower: RunFollower,
    silence_s: float | None,
    *,
    headers: Headers | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Part, None, None]:
    """Do what afollow_run does, without asyncio."""
    with client(follower.url, silence_s, headers) as connections:
        while not follower.is_over:
            try:
                with open_response(connections, follower.url, follower.next_request()) as response:
                    yield from follower.receive_head(response.status_code, response.headers)
                    for piece in response.iter_bytes():
                        yield from follower.receive(piece)
                        if follower.is_done_reading or follower.is_over:
                            break
                    yield from follower.receive_end()
            except _FAILURES as error:
                follower.receive_error(error)
            if not follower.is_over:
                sleep(follower.pause_s(clock()))


def aclient(url: str, silence_s: float | None, headers: Headers | None = None) -> httpx.AsyncClient:
    """Return a client for the server. silence_s is the longest wait between two pieces of an answer.

    headers are sent with every request, beside its own.
    """
    return httpx.AsyncClient(**_options(url, silence_s, headers))


def client(url: str, silence_s: float | None, headers: Headers | None = None) -> httpx.Client:
    """Do what aclient does, without asyncio."""
    return httpx.Client(**_options(url, silence_s, headers))


@asynccontextmanager
async def aopen_response(
    client: httpx.AsyncClient, url: str, request: Request
) -> AsyncIterator[httpx.Response]:
    """Send the request and yield the successful response, its body not read yet.

    Raises ServerUnreachable, and ServerError for a status other than 2xx.
    """
    with _map_send_errors(url):
        response = await client.send(_built(client, url, request), stream=True)
    async with aclosing(response):
        if not response.is_success:
            with _map_send_errors(url):
                await response.aread()
            raise _server_error(response)
        yield response


@contextmanager
def open_response(client: httpx.Client, url: str, request: Request) -> Iterator[httpx.Response]:
    """Do what aopen_response does, without asyncio."""
    with _map_send_errors(url):
        response = client.send(_built(client, url, request), stream=True)
    with closing(response):
        if not response.is_success:
            with _map_send_errors(url):
                response.read()
            raise _server_error(response)
        yield response


async def asend(url: str, request: Request, silence_s: float | None, headers: Headers | None = None) -> bytes:
    """Send the request and return the body of the successful response. Raises as aopen_response does."""
    async with aclient(url, silence_s, headers) as client, aopen_response(client, url, request) as response:
        with _map_send_errors(url):
            return await response.aread()


def send(url: str, request: Request, silence_s: float | None, headers: Headers | None = None) -> bytes:
    """Do what asend does, without asyncio."""
    with (
        client(url, silence_s, headers) as connections,
        open_response(connections, url, request) as response,
        _map_send_errors(url),
    ):
        return response.read()


async def fetch(url: str, path: str, patience_s: float, headers: Headers | None = None) -> httpx.Response:
    """Get a small response, read in full, whatever its status. Raises ServerUnreachable."""
    async with aclient(url, patience_s, headers) as client:
        with _map_send_errors(url):
            return await client.send(_built(client, url, Request("GET", path)))


@contextmanager
def map_read_errors(received: list[str]) -> Iterator[None]:
    """Turn the errors of reading a body into AnswerCutOff with the text received so far."""
    try:
        yield
    except _BREAKS as error:
        raise AnswerCutOff("".join(received), _reason(error)) from error


def _built(client: httpx.AsyncClient | httpx.Client, url: str, request: Request) -> httpx.Request:
    return client.build_request(
        request.method, url.rstrip("/") + request.path, json=request.body, headers=dict(request.headers)
    )


def _options(url: str, silence_s: float | None, headers: Headers | None) -> dict[str, Any]:
    return {
        "headers": headers,
        "timeout": httpx.Timeout(silence_s, connect=CONNECT_TIMEOUT_S),
        # HTTP_PROXY is set on many office machines without NO_PROXY; a proxy can't reach our loopback.
        "trust_env": not _is_loopback(url),
    }


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def _map_send_errors(url: str) -> Iterator[None]:
    """Turn httpx's errors before there is a response into ServerUnreachable."""
    try:
        _ = urlsplit(url).port  # httpx lets a port above 65535 pass, and asyncio raises OverflowError
    except ValueError as error:
        raise ServerUnreachable(url, str(error)) from error
    try:
        yield
    except _NOT_SENT as error:
        raise ServerUnreachable(url, _reason(error)) from error
    except _BREAKS as error:
        raise ServerUnreachable(url, _reason(error), may_have_arrived=True) from error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _server_error(response: httpx.Response) -> ServerError:
    """Return the ServerError of an error response, whose body has been read."""
    try:
        problem = json.loads(response.content)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    code = problem.get("code")
    detail = problem.get("detail") or problem.get("title")
    wait = response.headers.get("retry-after", "")
    return ServerError(
        code=code if isinstance(code, str) else f"http_{response.status_code}",
        status=response.status_code,
        detail=detail if isinstance(detail, str) else response.reason_phrase or "The server gave no reason",
        retry_after_s=float(wait) if wait.isascii() and wait.isdigit() else None,
    )
