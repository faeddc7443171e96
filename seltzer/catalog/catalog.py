"""The graphs that langgraph.json names: those that can be served, and those that can't, and why."""

import logging
import shlex
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seltzer.catalog.file import Entry, LangGraphFile, line_of_key, read_with_text
from seltzer.catalog.importing import Importer, put_on_path
from seltzer.catalog.keys import check_auth, warnings_of
from seltzer.catalog.loading import Declared, Pending, graph_of, load_graph
from seltzer.catalog.names import Address, addresses
from seltzer.catalog.projects import import_folders, missing_folders
from seltzer.errors import LoadError
from seltzer.runs.graph import BrokenGraph, Graph

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Catalog:
    """What one langgraph.json names. Graphs that an async factory makes are there after open().

    graphs and broken are by name, in the file's order; broken has the graphs that can't be loaded. embed is
    what `store.index.embed` names: a `provider:model`, or what a path there leads to.
    """

    path: Path
    file: LangGraphFile
    graphs: dict[str, Graph] = field(default_factory=dict)
    broken: dict[str, BrokenGraph] = field(default_factory=dict)
    is_strict: bool = False
    embed: Any = None
    _pending: list[Pending] = field(default_factory=list)
    _logged: set[str] = field(default_factory=set)

    @property
    def pending(self) -> tuple[str, ...]:
        """The names of the graphs that open() makes."""
        return tuple(each.declared.name for each in self._pending)

    @property
    def has_moved(self) -> bool:
        """Whether a graph's address is below /graphs."""
        paths = [graph.path for graph in self.graphs.values()]
        paths += [broken.path for broken in self.broken.values()]
        paths += [pending.declared.address.path for pending in self._pending]
        return any(path.startswith("/graphs/") for path in paths)

    async def open(self) -> list[Graph]:
        """Make the graphs that can only be made where a loop is running, and return them; once.

        Raises LoadError if there is no graph to serve, or, in a strict catalog, if one can't be made.
        """
        made = []
        while self._pending:
            waiting = self._pending[0]
            try:
                graph = await waiting.make()
            except LoadError as error:
                self.add_broken(waiting.declared, error)  # where that raises, the next open() tries again
            else:
                self.graphs[graph.name] = graph
                made.append(graph)
            self._pending.remove(waiting)
        for found in (self.graphs, self.broken):
            names = dict.fromkeys((*self.file.graphs, *found))
            entries = {name: found[name] for name in names if name in found}
            found.clear()
            found.update(entries)
        self.check_not_empty()
        return made

    def add(self, declared: Declared, importer: Importer) -> None:
        """Load a graph. Raises LoadError in a strict catalog only."""
        try:
            loaded = load_graph(declared, importer)
        except LoadError as error:
            self.add_broken(declared, error)
            return
        if isinstance(loaded, Pending):
            self._pending.append(loaded)
        else:
            self.graphs[declared.name] = loaded

    def add_object(self, name: str, found: object, address: Address, file: Path, line: int) -> Graph | None:
        """Add what a program has made at file and line; None if only open() can make its graph.

        Raises LoadError.
        """
        made = graph_of(Declared(name, Entry(path=""), f"{file}:{line}", address), found, file, line)
        if isinstance(made, Pending):
            self._pending.append(made)
            return None
        self.graphs[name] = made
        return made

    def add_broken(self, declared: Declared, error: LoadError) -> None:
        """Record why a graph can't be served. Raises the error in a strict catalog."""
        if self.is_strict:
            raise error
        address = declared.address
        self.broken[declared.name] = BrokenGraph(declared.name, address.slug, address.path, error)

    def check_not_empty(self) -> None:
        """Log why graphs are broken, each once. Raises LoadError if all are: a server needs one to serve.

        That error has their reasons, which aren't logged then.
        """
        if self.graphs or not self.broken:
            for name in self.broken.keys() - self._logged:
                self._logged.add(name)
                log.warning("%s", self.broken[name].reason)
            return
        if self._pending:
            return
        reasons = [each.reason for each in self.broken.values()]
        if len(reasons) == 1:
            raise reasons[0]
        *others, last = reasons
        what = "\n".join([f"no graph of {self.path} can be loaded", *map(str, others), last.what])
        raise LoadError(what, last.why, last.todo) from ExceptionGroup("they can't be loaded", reasons)


def load(
    path: Path, *, reserved: Collection[str] = (), is_strict: bool = False, is_auth_ignored: bool = False
) -> Catalog:
    """Import every graph that langgraph.json at path names.

    A graph that can't be loaded doesn't stop the others, unless is_strict. reserved are the first parts of
    the server's own paths: a graph of such a name is at /graphs/{slug}. is_auth_ignored: serve although the
    file declares an `auth`, which isn't honoured.
    Raises LoadError: the file can't be used, or there is no graph to serve.
    """
    declared, text = read_with_text(path)
    root = path.resolve().parent
    if not is_auth_ignored:
        check_auth(declared, path, text)
    for warning in warnings_of(declared, path, text):
        log.warning("%s", warning)
    for name in missing_folders(declared, root):
        place = f"{path}:{line_of_key(text, ('dependencies',))}"
        log.warning("%s: dependencies: there is no folder %r", place, name)
    put_on_path(import_folders(declared, root))
    importer = Importer(root, _whole_error(path))
    catalog = Catalog(path, declared, is_strict=is_strict, embed=_embed(declared, importer, path, text))
    by_name = addresses(declared.graphs, {*reserved, "graphs"})
    for name in declared.graphs:
        declared_at = f"{path}:{line_of_key(text, ('graphs', name))}"
        catalog.add(Declared(name, declared.entry(name), declared_at, by_name[name]), importer)
    catalog.check_not_empty()
    return catalog


def _whole_error(path: Path) -> str:
    """Return the command that shows why a graph can't be loaded, with the traceback."""
    option = "" if path == Path("langgraph.json") else f" --config {shlex.quote(str(path))}"
    return f"seltzer graphs --verbose{option}"


def empty() -> Catalog:
    """Return a catalog of no file, for graphs that a program makes; one that is broken is an error."""
    return Catalog(Path(), LangGraphFile.model_construct(graphs={}), is_strict=True)


def _embed(file: LangGraphFile, importer: Importer, path: Path, text: str) -> Any:
    """Return what embeds the store's items: a path is followed, a `provider:model` is left as it is."""
    index = file.store and file.store.index
    if not index:
        return None
    place, _, variable = index.embed.rpartition(":")
    if not place.endswith(".py"):
        return index.embed
    what = f"{path}'s store.index.embed can't be used"
    declared_at = f"{path}:{line_of_key(text, ('store', 'index', 'embed'))}"
    module = importer.import_target(what, place, declared_at)
    if not hasattr(module, variable):
        reason = f"{declared_at}: {place} has no {variable!r}"
        raise LoadError(what, reason, f"define {variable} there, or name another at {declared_at}")
    return getattr(module, variable)
