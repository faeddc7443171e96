"""The boundary to code of a graph's author that runs outside its nodes: reducers, edges, writers.

It may raise anything. What it raises gets a name here, so that no other module has to catch everything.
"""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from seltzer.errors import AppError

_P = ParamSpec("_P")
_T = TypeVar("_T")


class AuthorsCodeFailed(Exception):
    """Code of the graph's author has raised an error, which is the cause."""


async def await_authors_code(work: Awaitable[_T]) -> _T:
    """Return what the work returns. Raises AuthorsCodeFailed for its errors, except our own."""
    try:
        return await work
    except AppError:
        raise
    except Exception as error:
        raise AuthorsCodeFailed from error


def call_authors_code(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Return what the function returns. Raises AuthorsCodeFailed for its errors, except our own."""
    try:
        return function(*args, **kwargs)
    except AppError:
        raise
    except Exception as error:
        raise AuthorsCodeFailed from error
