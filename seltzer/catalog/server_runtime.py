"""langgraph-sdk's ServerRuntime, which a factory may ask for.

Its two kinds have private names; they are reached through the public alias, which is the union of both. A
langgraph-sdk may have no ServerRuntime: then no factory can ask for one.
"""

from typing import Any, get_args, get_origin

from langgraph.store.memory import InMemoryStore

from seltzer.runs.graph import GraphAccess

try:
    from langgraph_sdk.runtime import ServerRuntime
except ImportError:
    ServerRuntime = None  # type: ignore[assignment, misc]  # an older langgraph-sdk


def server_runtime(access: GraphAccess) -> Any:
    """Return the ServerRuntime for an access. Raises TypeError if the installed langgraph-sdk has none."""
    is_run = access.purpose == "threads.create_run"
    for kind in _kinds():
        if ("context" in kind.__dataclass_fields__) == is_run:
            context = {"context": access.context} if is_run else {}
            store = InMemoryStore() if access.store is None else access.store
            return kind(access_context=access.purpose, user=access.user, store=store, **context)
    raise TypeError("it takes a ServerRuntime, which the installed langgraph-sdk doesn't have")


def mentions_runtime(annotation: Any) -> bool:
    """Return whether an annotation is ServerRuntime, for any context, or a union that has it."""
    if isinstance(annotation, str):  # a name that only type checkers see
        return "ServerRuntime" in annotation
    kinds = (*_kinds(), *(() if ServerRuntime is None else (ServerRuntime,)))
    parts = [get_origin(each) or each for each in (annotation, *get_args(annotation))]
    return any(part is kind for part in parts for kind in kinds)


def _kinds() -> list[Any]:
    union = getattr(ServerRuntime, "__value__", None)
    return [get_origin(each) or each for each in get_args(union)]
