"""How the client connects, and how it reads a refusal: the part its streams share."""

import ipaddress
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from app.client.errors import AnswerCutOff, ServerError, ServerUnreachable

DEFAULT_URL: Final = "http://127.0.0.1:8000"
CONNECT_TIMEOUT_S: Final = 5.0


@asynccontextmanager
async def aposted(url: str, path: str, body: Any, silence_s: float | None) -> AsyncIterator[httpx.Response]:
    """Post the body as JSON and give the response, its body still to be read.

    silence_s is the longest wait between two pieces of the answer; None waits for ever.
    Raises ServerUnreachable, and ServerError if the status says so.
    """
    async with httpx.AsyncClient(**_options(url, silence_s)) as client:
        with _reaching(url):
            response = await client.send(
                client.build_request("POST", _join(url, path), json=body), stream=True
            )
        async with aclosing(response):
            if not response.is_success:
                with reading([]):
                    await response.aread()
                raise _refusal(response)
            yield response


@contextmanager
def posted(url: str, path: str, body: Any, silence_s: float | None) -> Iterator[httpx.Response]:
    """Do what aposted does, without asyncio."""
    with httpx.Client(**_options(url, silence_s)) as client:
        with _reaching(url):
            response = client.send(client.build_request("POST", _join(url, path), json=body), stream=True)
        with closing(response):
            if not response.is_success:
                with reading([]):
                    response.read()
                raise _refusal(response)
            yield response


async def fetched(url: str, path: str, patience_s: float) -> httpx.Response:
    """Get a small answer, read whole, whatever its status. Raises ServerUnreachable."""
    async with httpx.AsyncClient(**_options(url, patience_s)) as client:
        with _reaching(url):
            return await client.get(_join(url, path))


def _join(url: str, path: str) -> str:
    return url.rstrip("/") + path


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
    """Turn httpx's errors before the answer's head into ServerUnreachable."""
    try:
        _ = urlsplit(url).port  # httpx lets a port above 65535 pass, and asyncio raises OverflowError
    except ValueError as error:
        raise ServerUnreachable(url, str(error)) from error
    try:
        yield
    except (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL) as error:
        raise ServerUnreachable(url, _reason(error)) from error


@contextmanager
def reading(received: list[str]) -> Iterator[None]:
    """Turn the errors of reading a body into AnswerCutOff with the text received so far."""
    try:
        yield
    except (httpx.TransportError, httpx.DecodingError, json.JSONDecodeError) as error:
        raise AnswerCutOff("".join(received), _reason(error)) from error


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
    return ServerError(
        code=code if isinstance(code, str) else f"http_{response.status_code}",
        status=response.status_code,
        detail=detail if isinstance(detail, str) else response.reason_phrase or "The server gave no reason",
    )
