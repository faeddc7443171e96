"""Links from the page to what else the app serves."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from starlette.requests import Request

Models: TypeAlias = Callable[[], Sequence[str]]  # names the models in use, as far as that is known
DOCS: Final = "seltzer_docs"  # in the state of an app: where in it our /docs is


def docs_path(app: Any) -> str | None:
    """Return where in the app its documentation is; None: nowhere."""
    path: str | None = getattr(app.state, DOCS, None) or getattr(app, "docs_url", None)
    return path


def docs_link(request: Request) -> str | None:
    """Return the app's documentation as seen from the folder of the request's path; None: there is none."""
    return link(request, docs_path(request.app))


def link(request: Request, path: str | None) -> str | None:
    """Return a path of the app's, relative to the folder of the request's path."""
    if path is None:
        return None
    root: str = request.scope.get("root_path", "").rstrip("/")
    here: str = request.scope["path"].removeprefix(root)
    return "../" * (here.count("/") - 1) + path.lstrip("/")
