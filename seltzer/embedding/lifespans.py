"""A lifespan within an app's own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import APIRouter


def chain(router: APIRouter, lifespan: Callable[[Any], AbstractAsyncContextManager[None]]) -> None:
    """Have the router's lifespan run another within it: opened after it, closed before it.

    A router's lifespan becomes part of the app's when the app includes it.
    """
    own = router.lifespan_context

    @asynccontextmanager
    async def chained(app: Any) -> AsyncIterator[Any]:
        async with own(app) as state, lifespan(app):
            yield state

    router.lifespan_context = chained


def once(function: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls the given one the first time only."""
    waiting = [function]

    def call() -> None:
        if waiting:
            waiting.pop()()

    return call
