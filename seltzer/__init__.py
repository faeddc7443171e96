"""Seltzer: the open, self-hosted server that streams LangGraph agents, token by token.

add_routes   serve a graph in a FastAPI app: LangServe's arguments, with runs, threads and resume
Seltzer      several graphs and all protocols in a FastAPI app
create_app   the server of what langgraph.json names, as an app
get_stream   ask a server, and print each token as it arrives

They are imported when they are first asked for: `import seltzer` alone loads nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from seltzer.client import get_stream as get_stream
    from seltzer.embedding import Seltzer as Seltzer
    from seltzer.embedding import add_routes as add_routes
    from seltzer.main import create_app as create_app

__version__ = "0.1.0"
__all__ = ["Seltzer", "__version__", "add_routes", "create_app", "get_stream"]

_MODULES: Final = {
    "Seltzer": "seltzer.embedding",
    "add_routes": "seltzer.embedding",
    "create_app": "seltzer.main",
    "get_stream": "seltzer.client",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
