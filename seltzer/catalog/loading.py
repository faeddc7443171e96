"""One entry of `graphs` -> a Graph, or a LoadError: what, why with file and line, what to do."""

import asyncio
import inspect
import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from langchain_core.runnables import Runnable
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph

from seltzer.catalog.factories import SCHEMAS, Factory, is_context_manager
from seltzer.catalog.file import Entry
from seltzer.catalog.importing import Importer, line_of, raised, short
from seltzer.catalog.names import Address
from seltzer.catalog.wrapping import NotAGraph, as_pregel, as_runnable
from seltzer.errors import LoadError
from seltzer.runs.graph import Graph
from seltzer.runs.schemas.schemas import GraphSchemas

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Declared:
    """A graph as langgraph.json declares it, at file:line."""

    name: str
    entry: Entry
    declared_at: str
    address: Address

    @property
    def what(self) -> str:
        """The first line of its errors."""
        return f"graph {self.name!r} can't be loaded"


@dataclass(frozen=True, slots=True)
class Pending:
    """A graph whose factory can only be called where a loop is running."""

    declared: Declared
    factory: Factory
    file: Path
    line: int

    async def make(self) -> Graph:
        """Make the graph once, with an empty config. Raises LoadError."""
        opened = self.factory.open({}, SCHEMAS)
        try:
            async with opened:
                served, is_managed = opened.served, opened.is_managed
        except (Exception, SystemExit) as error:
            # In a thread: where the file lies is a question to the file system.
            raise await asyncio.to_thread(_not_made, self.declared, error, self.file, self.line) from error
        is_by_run = self.factory.takes_something or is_managed
        return _graph(self.declared, served, self.file, self.line, self.factory if is_by_run else None)


def load_graph(declared: Declared, importer: Importer) -> Graph | Pending:
    """Import and make the graph; what only a running loop can make is returned as pending.

    Raises LoadError.
    """
    place, variable = _split(declared)
    module = importer.import_target(declared.what, place, declared.declared_at)
    file = Path(getattr(module, "__file__", None) or place)  # a built-in or namespace package has none
    found, line = _find(declared, module, file, variable), line_of(file, variable)
    return graph_of(declared, found, file, line)


def graph_of(declared: Declared, found: object, file: Path, line: int) -> Graph | Pending:
    """Make a Graph of a graph, a Runnable or a factory, defined at file and line. Raises LoadError."""
    try:
        if isinstance(found, Runnable | StateGraph) or not callable(found):
            return _graph(declared, as_runnable(found), file, line, None)
        factory = Factory(declared.name, found)
        made = None if factory.is_async else _make_now(factory)
        if made is None:
            return Pending(declared, factory, file, line)
        served, is_managed = made
    except LoadError:
        raise
    except (Exception, SystemExit) as error:
        raise _not_made(declared, error, file, line) from error
    return _graph(declared, served, file, line, factory if factory.takes_something or is_managed else None)


def _make_now(factory: Factory) -> tuple[Runnable[Any, Any], bool] | None:
    """Make a graph; return it, and whether by a context manager. None if that needs a running loop."""
    try:
        made = factory.call({}, SCHEMAS)
    except RuntimeError as error:
        if "no running event loop" in str(error):
            return None
        raise
    if inspect.iscoroutine(made):
        made.close()
        return None
    if inspect.isawaitable(made):
        return None
    if not is_context_manager(made):
        return as_runnable(made), False
    if not isinstance(made, AbstractContextManager):
        return None
    with made as graph:
        return as_runnable(graph), True


def _graph(
    declared: Declared, served: Runnable[Any, Any], file: Path, line: int, factory: Factory | None
) -> Graph:
    pregel = as_pregel(declared.name, served)
    if isinstance(pregel.checkpointer, BaseCheckpointSaver):
        kind = type(pregel.checkpointer).__name__
        log.warning("%s:%s: its %s is replaced by the server's own checkpointer", short(file), line, kind)
    return Graph(
        declared.name,
        pregel,
        served,
        takes_messages=GraphSchemas(pregel, served).takes_messages,
        file=file,
        line=line,
        description=declared.entry.description or "",
        slug=declared.address.slug,
        path=declared.address.path,
        answer_nodes=_answer_nodes(declared, [name for name in pregel.nodes if name != START]),
        factory=factory,
    )


def _answer_nodes(declared: Declared, nodes: list[str]) -> tuple[str, ...]:
    for name in declared.entry.answer:
        if name not in nodes:
            there = ", ".join(nodes)
            reason = f"{declared.declared_at}: answer: there is no node {name!r}; of nodes it has {there}"
            raise LoadError(declared.what, reason, "name the nodes whose text is the answer, or none")
    return tuple(dict.fromkeys(declared.entry.answer))


def _split(declared: Declared) -> tuple[str, str]:
    """Split "./graphs/file.py:variable" or "module:variable" at its last colon."""
    target = declared.entry.path
    place, _, variable = target.rpartition(":")
    if place and variable.isidentifier():
        return place, variable
    reason = f"{declared.declared_at}: {target!r} names no variable"
    raise LoadError(declared.what, reason, 'write it as "./graphs/file.py:variable"')


def _find(declared: Declared, module: ModuleType, file: Path, variable: str) -> object:
    """Return what the module has by that name. Raises LoadError, which names the graphs it has."""
    try:
        return getattr(module, variable)
    except AttributeError:
        graphs = [key for key, value in vars(module).items() if isinstance(value, Runnable | StateGraph)]
        there, place = ", ".join(sorted(graphs)) or "none", declared.declared_at
        reason = f"{place}: {short(file)} has no {variable!r}; of graphs it has {there}"
        raise LoadError(
            declared.what, reason, f"define {variable} there, or name another at {place}"
        ) from None


def _not_made(declared: Declared, error: BaseException, file: Path, line: int) -> LoadError:
    where = f"{short(file)}:{line}"
    if isinstance(error, NotAGraph):
        return LoadError(declared.what, f"{where}: {error}", NotAGraph.todo)
    return raised(declared.what, error, where, "fix it, so that it returns a graph")
