"""The app that `seltzer serve` serves: made from langgraph.json, or composed by hand in a module.

An app composed by hand lists the parts of it that Seltzer serves in `app.state.seltzer_mounted`: each has an
engine, the facts for the banner, and where its routes are. They are found through mounted apps and
middleware. A router learns which app includes it when the app's lifespan runs: its part is listed from then
on.
"""

import importlib
import inspect
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from seltzer.errors import AppError
from seltzer.main import MOUNTED, Mounted, create_app
from seltzer.protocols.http.direct_send import DirectSendMiddleware
from seltzer.settings import Settings

_EXAMPLE: Final = "app.main:app"


class CannotServe(Exception):
    """The app can't be loaded. The text is one line: what, and what to do."""


@dataclass(frozen=True, slots=True)
class Application:
    """An ASGI app, and the one within its middleware."""

    asgi: Any
    app: Any

    def mounted(self) -> tuple[Mounted, ...]:
        """Return what of it Seltzer serves; once its lifespan runs, that of routers too."""
        return tuple(_mounted_in(self.app))


def load_application(settings: Settings, target: str | None) -> Application:
    """Load the app at `module:attribute`; without a target, serve what langgraph.json names.

    Raises CannotServe, and LoadError for a graph.
    """
    if target is None:
        app: Any = create_app(settings)
        return Application(app, app)
    app = _import_app(target)
    asgi = DirectSendMiddleware(app) if settings.accelerate else app
    return Application(asgi, app)


def _import_app(target: str) -> Any:
    name, _, attributes = target.partition(":")
    if not name or not attributes or "/" in name or name.endswith(".py"):
        raise _refusal(target, f"write it as module:attribute, such as {_EXAMPLE}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as uvicorn does
    try:
        value = _attribute(target, importlib.import_module(name), attributes)
        app = value() if _is_factory(value) else value
    except (AppError, CannotServe):
        raise
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _refusal(target, _why(error)) from error
        where = f"in {here} or on Python's path"
        raise _refusal(target, f"there is no module {error.name!r} {where}") from None
    except (Exception, SystemExit) as error:  # whatever a module of theirs may raise
        raise _refusal(target, _why(error)) from error
    if not _is_asgi(app):
        raise _refusal(target, f"it is a {type(app).__name__}, not an ASGI app such as FastAPI()")
    return app


def _attribute(target: str, module: ModuleType, path: str) -> Any:
    value: Any = module
    for name in path.split("."):
        if not hasattr(value, name):
            apps = sorted(key for key, each in vars(module).items() if _is_asgi(each))
            there = f"; its ASGI apps: {', '.join(apps)}" if apps else ""
            raise _refusal(target, f"{module.__name__} has no {path!r}{there}")
        value = getattr(value, name)
    return value


def _refusal(target: str, why: str) -> CannotServe:
    return CannotServe(f"seltzer: --app {target}: {why}")


def _why(error: BaseException) -> str:
    """Return what was raised and where, in one line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}:{error.lineno}: {error.msg}"
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith("<")]
    text = " ".join(str(error).split())
    return f"{_short(frames[-1].filename)}:{frames[-1].lineno}: {type(error).__name__}: {text}"


def _short(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _is_factory(value: object) -> bool:
    """Return whether the value is a plain function that can be called without arguments, to make the app."""
    if not inspect.isfunction(value) or inspect.iscoroutinefunction(value):
        return False
    try:
        inspect.signature(value).bind()
    except TypeError:
        return False
    return True


def _is_asgi(value: object) -> bool:
    """Return whether the value looks like an ASGI 3 app, by uvicorn's own rule."""
    if inspect.isclass(value):
        return False
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(type(value).__call__)


def _mounted_in(app: Any) -> Iterator[Mounted]:
    """Yield what Seltzer serves in the app, in apps mounted into it, and in one that middleware wraps."""
    waiting: list[tuple[str, Any]] = [("", app)]
    seen: set[int] = set()
    engines: set[int] = set()
    while waiting:
        prefix, each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        for mounted in getattr(getattr(each, "state", None), MOUNTED, ()):
            if id(mounted.engine) not in engines:
                engines.add(id(mounted.engine))
                yield replace(mounted, prefix=prefix)
        waiting += [
            (prefix + getattr(route, "path", ""), route.app)
            for route in getattr(each, "routes", ())
            if hasattr(route, "app") and hasattr(route.app, "routes")
        ]
        if not hasattr(each, "routes") and hasattr(each, "app"):
            waiting.append((prefix, each.app))
