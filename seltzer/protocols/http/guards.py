"""What a protocol needs of seltzer.guards. Siblings don't import one another: main passes these in."""

from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from seltzer.errors import AppError


class Faults(Protocol):
    """Error -> what the client gets."""

    def problem(self, error: AppError, scope: Scope) -> Response: ...

    def status_of(self, error: AppError) -> int: ...

    def boundary(self, app: ASGIApp) -> ASGIApp:
        """Wrap the app: what it raises becomes a response, and each response carries the request's id."""


class Bodies(Protocol):
    """Reads a request's JSON body within its limits."""

    async def read(
        self, request: Request, *, may_be_empty: bool = False, has_attachments: bool = False
    ) -> Any:
        """Return the body's JSON; None if it is empty and may be.

        has_attachments: it may have messages, with attachments that count apart.

        Raises BadRequest, and ClientDisconnect if the client disconnects before its end.
        """


class Pages(Protocol):
    """Which web pages may make a request that starts a run without a body."""

    def check(self, request: Request) -> None:
        """Raise ForeignOrigin if a page of another site has made the request."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What each route of ours passes its requests and errors through."""

    faults: Faults
    bodies: Bodies
    pages: Pages
