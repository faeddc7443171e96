"""Functions that make a graph, called as LangGraph's server calls them.

A factory may be sync or async, return a graph or be a context manager of one. It takes nothing, the run's
config, a ServerRuntime, or both; annotations decide which is which, else the parameters' names, else their
order. One that takes something or is a context manager is called for each run, another once.
"""

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias, get_args

import typing_extensions
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph import StateGraph

from seltzer.catalog.server_runtime import mentions_runtime, server_runtime
from seltzer.catalog.wrapping import as_pregel, as_runnable
from seltzer.runs.graph import AnyPregel, GraphAccess

Role: TypeAlias = Literal["config", "runtime"]
SCHEMAS: Final = GraphAccess("assistants.read")
_BY_POSITION: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)


@dataclass(frozen=True, slots=True)
class Factory:
    """A function of the user's that makes a graph; name is the graph's.

    Raises TypeError if the function asks for something that no run has.
    """

    name: str
    function: Callable[..., Any]
    _roles: Mapping[str, tuple[Role, bool]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_roles", _roles(self.function))

    @property
    def takes_something(self) -> bool:
        """Whether its graph depends on the run."""
        return bool(self._roles)

    @property
    def is_async(self) -> bool:
        """Whether it can only be called where a loop is running."""
        function = _innermost(self.function)
        return any(inspect.iscoroutinefunction(each) for each in (function, _call_of(function)))

    def call(self, config: RunnableConfig, access: GraphAccess) -> Any:
        """Return what the function does: a graph, an awaitable of one, or a context manager."""
        positional, named = [], {}
        for name, (role, is_positional) in self._roles.items():
            value: Any = config if role == "config" else server_runtime(access)
            if is_positional:
                positional.append(value)
            else:
                named[name] = value
        return self.function(*positional, **named)

    def open(self, config: RunnableConfig, access: GraphAccess) -> "OpenedGraph":
        """Make the graph for one run; what the factory opened for it is closed at the block's end."""
        return OpenedGraph(self, config, access)


class OpenedGraph(AbstractAsyncContextManager[AnyPregel]):
    """One run's graph. An error of the block isn't the factory's to suppress.

    served: what the factory made, before it became a graph.
    """

    served: Runnable[Any, Any]

    def __init__(self, factory: Factory, config: RunnableConfig, access: GraphAccess) -> None:
        self._factory = factory
        self._config = config
        self._access = access
        self._manager: Any = None

    @property
    def is_managed(self) -> bool:
        """Whether the factory is a context manager."""
        return self._manager is not None

    async def __aenter__(self) -> AnyPregel:
        made = self._factory.call(self._config, self._access)
        if inspect.isawaitable(made):
            made = await made
        if is_context_manager(made):
            manager, made = made, await _enter(made)
            self._manager = manager
        try:
            self.served = as_runnable(made)
            return as_pregel(self._factory.name, self.served)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(self._manager, AbstractAsyncContextManager):
            await self._manager.__aexit__(kind, error, trace)
        elif self._manager is not None:
            self._manager.__exit__(kind, error, trace)


def is_context_manager(value: object) -> bool:
    """Return whether a factory's result is to be entered for the graph."""
    is_manager = isinstance(value, AbstractAsyncContextManager | AbstractContextManager)
    return is_manager and not isinstance(value, Runnable | StateGraph)


async def _enter(manager: Any) -> Any:
    if isinstance(manager, AbstractAsyncContextManager):
        return await manager.__aenter__()
    return manager.__enter__()


def _roles(function: Callable[..., Any]) -> dict[str, tuple[Role, bool]]:
    """Return which parameters get what, and whether by their position. Raises TypeError."""
    found: dict[str, tuple[Role, bool]] = {}
    hints = _hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        roles = {role for role, _ in found.values()}
        declared = _declared_role(name, hints.get(name, parameter.annotation))
        role = declared or (None if parameter.default is not parameter.empty else _role_by_order(roles))
        if parameter.kind is parameter.VAR_KEYWORD or (parameter.kind is parameter.VAR_POSITIONAL and roles):
            continue
        if role is not None:
            found[name] = role, parameter.kind in _BY_POSITION
        elif parameter.default is parameter.empty:
            raise TypeError(f"its parameter {name!r} is neither a config nor a ServerRuntime")
    return found


def _declared_role(name: str, annotation: Any) -> Role | None:
    if mentions_runtime(annotation):
        return "runtime"
    if annotation is RunnableConfig or RunnableConfig in get_args(annotation):
        return "config"
    return name if name in ("config", "runtime") else None  # type: ignore[return-value]  # one of the two


def _role_by_order(given: set[Role]) -> Role | None:
    return "config" if not given else None


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    target = _innermost(function)
    target = target if inspect.isroutine(target) or inspect.isclass(target) else _call_of(target)
    try:
        return typing_extensions.get_type_hints(target)
    except (NameError, TypeError, AttributeError):  # a name that only type checkers see
        return dict(getattr(target, "__annotations__", {}))


def _innermost(function: Any) -> Any:
    """Return the function within decorators and partials."""
    function = inspect.unwrap(function)
    while hasattr(function, "func"):
        function = inspect.unwrap(function.func)
    return function


def _call_of(instance: Any) -> Any:
    return getattr(type(instance), "__call__", None)  # noqa: B004  # its value is inspected, too
