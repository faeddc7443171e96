"""Which headers a request has once.

Of a header that is sent twice a proxy may read one, and a guard or the app the other.
"""

from typing import Final

from starlette.types import Scope

from seltzer.errors import BadRequest

_SINGLE: Final = frozenset(
    name.encode()
    for name in (
        "host", "origin", "referer", "content-type", "content-length", "authorization", "proxy-authorization",
        "x-api-key", "idempotency-key", "last-event-id", "sec-fetch-site", "sec-fetch-mode",
    )
)  # fmt: skip
_CHECKED: Final = "seltzer_checked_headers"  # in the scope: every guard on the way checks them


def check_single(scope: Scope) -> None:
    """Raise BadRequest if a header that means one thing is sent more than once.

    Headers that were checked on the way are skipped, unless an app between has put others in their place.
    """
    if scope.get(_CHECKED) is scope["headers"]:
        return
    names = [name for name, _ in scope["headers"] if name in _SINGLE]
    if len(names) == len(set(names)):
        scope[_CHECKED] = scope["headers"]
        return
    twice = next(name for name in names if names.count(name) > 1)
    raise BadRequest(f"the header {twice.decode()!r} is sent more than once")
