"""How the client connects, reads a refusal, and reads a run to its end: all that is done with httpx."""

import ipaddress
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import httpx

from seltzer.client.errors import AnswerCutOff, ServerError, ServerUnreachable
from seltzer.client.http.requests import Ask
from seltzer.client.streams.follow import Following
from seltzer.client.streams.parts import Part

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


async def afollowed(
    following: Following,
    silence_s: float | None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> AsyncGenerator[Part, None]:
    """Yield the run's parts, connecting again whenever the connection breaks or is silent for silence_s.

    Raises ServerUnreachable, ServerError and AnswerCutOff.
    """
    async with aclient(following.url, silence_s) as client:
        while not following.is_over:
            try:
                async with aopened(client, following.url, following.next()) as response:
                    for part in following.answered(response.status_code, response.headers):
                        yield part
                    async with aclosing(response.aiter_bytes()) as pieces:  # type: ignore[type-var]  # typed as an iterator, is a generator
                        async for piece in pieces:
                            for part in following.take(piece):
                                yield part
                            if following.has_read_enough or following.is_over:
                                break
                    for part in following.ended():
                        yield part
            except _FAILURES as error:
                following.failed(error)
            if not following.is_over:
                await sleep(following.pause_s(clock()))


def followed(
    following: Following,
    silence_s: float | None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Part, None, None]:
    """Do what afollowed does, without asyncio."""
    with client(following.url, silence_s) as connections:
        while not following.is_over:
            try:
                with opened(connections, following.url, following.next()) as response:
                    yield from following.answered(response.status_code, response.headers)
                    for piece in response.iter_bytes():
                        yield from following.take(piece)
                        if following.has_read_enough or following.is_over:
                            break
                    yield from following.ended()
            except _FAILURES as error:
                following.failed(error)
            if not following.is_over:
                sleep(following.pause_s(clock()))


def aclient(url: str, silence_s: float | None) -> httpx.AsyncClient:
    """Return a client for the server. silence_s is the longest wait between two pieces of an answer."""
    return httpx.AsyncClient(**_options(url, silence_s))


def client(url: str, silence_s: float | None) -> httpx.Client:
    """Do what aclient does, without asyncio."""
    return httpx.Client(**_options(url, silence_s))


@asynccontextmanager
async def aopened(client: httpx.AsyncClient, url: str, ask: Ask) -> AsyncIterator[httpx.Response]:
    """Send the request and give the good answer to it, its body still to be read.

    Raises ServerUnreachable, and ServerError if the status says so.
    """
    with _reaching(url):
        response = await client.send(_request(client, url, ask), stream=True)
    async with aclosing(response):
        if not response.is_success:
            with _reaching(url):
                await response.aread()
            raise _refusal(response)
        yield response


@contextmanager
def opened(client: httpx.Client, url: str, ask: Ask) -> Iterator[httpx.Response]:
    """Do what aopened does, without asyncio."""
    with _reaching(url):
        response = client.send(_request(client, url, ask), stream=True)
    with closing(response):
        if not response.is_success:
            with _reaching(url):
                response.read()
            raise _refusal(response)
        yield response


async def aanswered(url: str, ask: Ask, silence_s: float | None) -> bytes:
    """Send the request and return the body of the good answer, read whole. Raises as aopened does."""
    async with aclient(url, silence_s) as client, aopened(client, url, ask) as response:
        with _reaching(url):
            return await response.aread()


def answered(url: str, ask: Ask, silence_s: float | None) -> bytes:
    """Do what aanswered does, without asyncio."""
    with client(url, silence_s) as connections, opened(connections, url, ask) as response, _reaching(url):
        return response.read()


async def fetched(url: str, path: str, patience_s: float) -> httpx.Response:
    """Get a small answer, read whole, whatever its status. Raises ServerUnreachable."""
    async with aclient(url, patience_s) as client:
        with _reaching(url):
            return await client.send(_request(client, url, Ask("GET", path)))


@contextmanager
def reading(received: list[str]) -> Iterator[None]:
    """Turn the errors of reading a body into AnswerCutOff with the text received so far."""
    try:
        yield
    except _BREAKS as error:
        raise AnswerCutOff("".join(received), _reason(error)) from error


def _request(client: httpx.AsyncClient | httpx.Client, url: str, ask: Ask) -> httpx.Request:
    return client.build_request(
        ask.method, url.rstrip("/") + ask.path, json=ask.body, headers=dict(ask.headers)
    )


def _options(url: str, silence_s: float | None) -> dict[str, Any]:
    return {
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
def _reaching(url: str) -> Iterator[None]:
    """Turn httpx's errors before an answer was had into ServerUnreachable."""
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


def _refusal(response: httpx.Response) -> ServerError:
    """Read a ServerError from a response that is no success, whose body has been read."""
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
