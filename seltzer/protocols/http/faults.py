"""What a protocol needs of seltzer.guards.faults, which main hands to it."""

from typing import Protocol

from starlette.responses import Response
from starlette.types import Scope

from seltzer.errors import AppError


class Faults(Protocol):
    """Error -> what the client gets."""

    def problem(self, error: AppError, scope: Scope) -> Response: ...

    def status_of(self, error: AppError) -> int: ...
