"""Which nodes may produce a graph's answer, by its shape and its earlier runs.

Text that may turn out not to be the answer is withheld from clients that can't retract text. The shape shows
which nodes can be the last one; whether a node keeps its model's text, only its runs show.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from langgraph.graph import END, START
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from seltzer.runs.execution.translation.declared_output import DeclaredOutput
from seltzer.runs.graph import AnyPregel, Graph

Path: TypeAlias = tuple[str, ...]  # the names of the nodes around a node, outermost first, and its own
RUNS_UNTIL_LIVE: Final = 10  # that a node has to keep its text in, after it has dropped one
_HOOKS_AFTER: Final = (
    ".after_model",
    ".after_agent",
)  # of an agent's middleware, between its model and the end
_HOOKS: Final = (".before_model", ".before_agent", *_HOOKS_AFTER)  # their models judge and summarize


@dataclass(slots=True)
class _History:
    """What the runs of a node have shown. held_runs: how many more have to keep its text until it is live."""

    has_kept: bool = False
    held_runs: int = 0


Histories: TypeAlias = dict[Path, _History]


@dataclass(frozen=True, slots=True)
class _Level:
    """The nodes of one graph: which can be the last one, which may run beside others, which are graphs."""

    last: frozenset[str]
    parallel: frozenset[str]
    subgraphs: Mapping[str, AnyPregel]


class AnswerShape:
    """The shape of one graph. answer_nodes: those its author has declared to have the answer, if any.

    output: what of its state it returns.
    """

    def __init__(
        self,
        pregel: AnyPregel,
        answer_nodes: frozenset[str] | None = None,
        histories: Histories | None = None,
        *,
        is_on_messages: bool = True,
    ) -> None:
        self.output = DeclaredOutput(pregel, is_on_messages=is_on_messages)
        self.answer_nodes = answer_nodes
        self.tool_nodes = frozenset(_tool_nodes(pregel))
        self._root = pregel
        self._has_functions = not isinstance(pregel, CompiledStateGraph)
        self._levels: dict[Path, _Level | None] = {}
        self._histories = {} if histories is None else histories

    def note_kept(self, path: Path) -> None:
        """Note that a node has put its model's text into the state's messages, word by word; once a run."""
        history = self._histories.setdefault(path, _History())
        history.has_kept, history.held_runs = True, max(0, history.held_runs - 1)

    def note_dropped(self, path: Path) -> None:
        """Note that a node, or a later one, hasn't kept its model's text."""
        self._histories.setdefault(path, _History()).held_runs = RUNS_UNTIL_LIVE

    def keeps(self, path: Path) -> bool:
        """Return whether the node has kept its texts of late, one at least."""
        history = self._histories.get(path)
        return history is not None and history.has_kept and not history.held_runs

    def has_dropped(self, path: Path) -> bool:
        """Return whether the node hasn't kept a text of late: it may judge what its model writes."""
        history = self._histories.get(path)
        return history is not None and history.held_runs > 0

    def has_rival(self, path: Path) -> bool:
        """Return whether a node that may run beside this one has kept texts, too: either may be the last."""
        around = [path[:depth] for depth in range(1, len(path) + 1) if self.may_be_parallel(path[:depth])]
        return any(
            history.has_kept
            and any(rival[: len(each)] != each and rival[:-1] == each[:-1] for each in around)
            for rival, history in self._histories.items()
            if self.may_be_parallel(rival)
        )

    def is_function(self, path: Path) -> bool:
        """Return whether the node is the graph's function itself: what it returns is the graph's output."""
        return self._has_functions and len(path) == 1 and path[0] in self._root.nodes

    def is_task(self, path: Path) -> bool:
        """Return whether the node is a task that the graph's function calls."""
        return self._has_functions and len(path) == 1 and path[0] not in self._root.nodes

    def can_be_last(self, path: Path) -> bool:
        """Return whether the run may end with the node: each graph around it may end there."""
        levels = [self._level(path[:depth]) for depth in range(len(path))]
        return all(level is not None and name in level.last for level, name in zip(levels, path, strict=True))

    def may_be_parallel(self, path: Path) -> bool:
        """Return whether other nodes may run at the same time as the node, or as one around it."""
        levels = [self._level(path[:depth]) for depth in range(len(path))]
        return any(level is None or name in level.parallel for level, name in zip(levels, path, strict=True))

    def _level(self, around: Path) -> _Level | None:
        """Return the level within these nodes; None if the innermost isn't a graph itself, but calls one."""
        if around not in self._levels:
            pregel = self._pregel(around)
            self._levels[around] = _analyse(pregel) if pregel is not None else None
        return self._levels[around]

    def _pregel(self, around: Path) -> AnyPregel | None:
        if not around:
            return self._root
        level = self._level(around[:-1])
        return level.subgraphs.get(around[-1]) if level is not None else None


@dataclass(frozen=True, slots=True)
class AnswerShapes:
    """The shapes of the graphs that this process has run."""

    _shapes: WeakKeyDictionary[AnyPregel, AnswerShape] = field(default_factory=WeakKeyDictionary)
    _histories: dict[str, Histories] = field(default_factory=dict)  # a factory makes a new graph for each run

    def of(self, graph: Graph, pregel: AnyPregel) -> AnswerShape:
        """Return the shape of the graph, as pregel executes it."""
        shape = self._shapes.get(pregel)
        if shape is None:
            histories = self._histories.setdefault(graph.name, {})
            declared = frozenset(graph.answer_nodes) or None
            shape = AnswerShape(pregel, declared, histories, is_on_messages=graph.takes_messages)
            self._shapes[pregel] = shape
        return shape


def _analyse(pregel: AnyPregel) -> _Level:
    names = frozenset(pregel.nodes)
    subgraphs = {name: each.bound for name, each in pregel.nodes.items() if isinstance(each.bound, Pregel)}
    if not isinstance(pregel, CompiledStateGraph):  # of functions, for example: any may be the last one
        return _Level(names, frozenset(), subgraphs)
    builder = pregel.builder
    always, maybe = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for source, target in builder.edges:
        always[source].add(target)
    for sources, target in builder.waiting_edges:
        for source in sources:
            always[source].add(target)
    for source, branches in builder.branches.items():
        for branch in branches.values():  # one without declared targets may lead anywhere
            maybe[source] |= {*branch.ends.values()} if branch.ends else {*builder.nodes, END}
    for name, node in builder.nodes.items():
        if name in subgraphs and not (always[name] or maybe[name]):
            maybe[name].add(END)  # an agent of a swarm: it hands over, or its answer is the last word
        maybe[name] |= {*(node.ends or ())}  # of its Commands
    after = {name: always[name] | maybe[name] or {END} for name in (START, *builder.nodes)}
    last = frozenset(name for name in builder.nodes if not name.endswith(_HOOKS) and _can_end(name, after))
    return _Level(last, frozenset(_parallel(always, after)), subgraphs)


def _can_end(name: str, after: Mapping[str, set[str]]) -> bool:
    """Return whether the node has an edge to the end, be it through the hooks of an agent's middleware."""
    waiting, seen = [name], {name}
    while waiting:
        for target in after.get(waiting.pop(), ()):
            if target == END:
                return True
            if target.endswith(_HOOKS_AFTER) and target not in seen:
                seen.add(target)
                waiting.append(target)
    return False


def _parallel(always: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield the nodes of branches that run at the same time, up to where they join."""
    for targets in list(always.values()):
        branches = [_reachable(target, after) for target in targets - {END}]
        if len(branches) > 1:
            yield from targets - {END}
            yield from set[str]().union(*branches) - branches[0].intersection(*branches[1:])


def _reachable(name: str, after: Mapping[str, set[str]]) -> set[str]:
    found, waiting = {name}, [name]
    while waiting:
        new = after.get(waiting.pop(), set()) - found - {END}
        found |= new
        waiting.extend(new)
    return found


def _tool_nodes(graph: AnyPregel) -> Iterable[str]:
    """Yield the nodes that run tools: a model's text inside a tool is never the answer."""
    for each in (graph, *(subgraph for _, subgraph in graph.get_subgraphs(recurse=True))):
        if isinstance(each, Pregel):
            yield from (name for name, node in each.nodes.items() if isinstance(node.bound, ToolNode))
