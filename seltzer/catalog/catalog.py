"""langgraph.json -> the graphs there are, with load errors of three lines: what, why, what to do.

Read as the LangGraph CLI reads it: `graphs` (name -> "./file.py:variable", "module:variable", or {"path":
..}), `dependencies` (local folders go on the import path), `env` (a file or a mapping). Departs from it:
1. an entry may be any Runnable: it is wrapped in a graph of one node;
2. a factory is called once, at load, with an empty config, not for each run.
"""

import asyncio
import importlib
import importlib.util
import inspect
import json
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError

from seltzer.errors import LoadError
from seltzer.runs.graph import AnyPregel, Graph

_STDLIB: Final = sysconfig.get_path("stdlib")
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_EXAMPLE: Final = '{"dependencies": ["."], "graphs": {"agent": "./graphs/agent.py:graph"}}'


class _Entry(BaseModel):
    path: str
    description: str | None = None


class LangGraphFile(BaseModel):
    """langgraph.json, as far as a server that runs graphs needs it; the CLI's other keys are let be."""

    model_config = ConfigDict(extra="allow", frozen=True)

    graphs: Annotated[dict[str, str | _Entry], Field(min_length=1)]
    dependencies: list[str] = []
    env: str | dict[str, str] = {}


def read_file(path: Path) -> LangGraphFile:
    """Read and check langgraph.json. Raises LoadError."""
    what, text = f"{path} can't be used", ""
    try:
        text = path.read_text(encoding="utf-8")
        return LangGraphFile.model_validate(json.loads(text))
    except FileNotFoundError:
        todo = f"run in its folder, or write one: {_EXAMPLE}"
        raise LoadError(f"{path} isn't there", "it names the graphs to serve", todo) from None
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(what, f"it can't be read: {error}", "make it a readable UTF-8 file") from None
    except json.JSONDecodeError as error:
        why = f"{path}:{error.lineno}: not JSON: {error.msg} at column {error.colno}"
        raise LoadError(what, why, f"mend that line; it looks like {_EXAMPLE}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        place = f"{path}:{_line_of_key(text, first['loc'])}"
        raise LoadError(what, f"{place}: {field}: {first['msg']}", f"it looks like {_EXAMPLE}") from None
    except RecursionError:
        raise LoadError(what, f"{path}:1: it is nested too deep", f"it looks like {_EXAMPLE}") from None


def _line_of_key(text: str, keys: Sequence[str | int]) -> int:
    """Return the line of the last of the keys that the text has, each looked for behind the one before."""
    at = 0
    for key in keys:
        found = re.compile(re.escape(json.dumps(key)) + r"\s*:").search(text, at)
        at = found.start() if found else at
    return text.count("\n", 0, at) + 1


def load(path: Path, *, reserved: Collection[str] = ()) -> dict[str, Graph]:
    """Import every graph that langgraph.json at path names, in its order.

    Raises LoadError, also for a graph with a reserved name: the server's own routes are there.
    """
    declared, root = read_file(path), path.resolve().parent
    local = [str((root / each).resolve()) for each in declared.dependencies if each.startswith(".")]
    # In front: the user's `graphs` package is meant, not the one that comes with us.
    sys.path[:] = dict.fromkeys((*local, *sys.path))
    for name in declared.graphs:
        _check_name(name, path, reserved)
    return {name: _load_graph(name, entry, path, root) for name, entry in declared.graphs.items()}


def _load_graph(name: str, entry: str | _Entry, path: Path, root: Path) -> Graph:
    what, declared_at = _cannot_load(name), _declared_at(name, path)
    declared = entry if isinstance(entry, _Entry) else _Entry(path=entry)
    place, variable = _split(what, declared.path, declared_at)
    module = _import(what, place, root, declared_at)
    file = Path(getattr(module, "__file__", None) or place)  # a built-in or namespace package has none
    found = _find(what, module, file, variable, declared_at)
    line = _line_of(file, variable)
    where = f"{_short(file)}:{line}"
    served = _made(what, found, where)
    pregel = served if isinstance(served, Pregel) else _wrap(name, served)
    takes_messages = _takes_messages(what, pregel, where)
    return Graph(name, pregel, served, takes_messages, file, line, declared.description or "")


def _cannot_load(name: str) -> str:
    return f"graph {name!r} can't be loaded"


def _declared_at(name: str, path: Path) -> str:
    return f"{path}:{_line_of_key(path.read_text(encoding='utf-8'), ('graphs', name))}"


def _check_name(name: str, path: Path, reserved: Collection[str]) -> None:
    todo = "rename it in that file"
    if name in reserved:
        why = f"{_declared_at(name, path)}: the name is one of the server's own"
        raise LoadError(_cannot_load(name), why, todo)
    if not _NAME.fullmatch(name):
        raise LoadError(
            _cannot_load(name), f"{_declared_at(name, path)}: the name isn't {_NAME.pattern}", todo
        )


def _split(what: str, target: str, declared_at: str) -> tuple[str, str]:
    """Split "./graphs/file.py:variable" or "module:variable" at its last colon."""
    place, _, variable = target.rpartition(":")
    if place and variable.isidentifier():
        return place, variable
    why = f"{declared_at}: {target!r} names no variable"
    raise LoadError(what, why, 'write it as "./graphs/file.py:variable"')


def _find(what: str, module: ModuleType, file: Path, variable: str, declared_at: str) -> object:
    """Return what the module has by that name; where it has nothing, say which graphs it has."""
    try:
        return getattr(module, variable)
    except AttributeError:
        graphs = [key for key, value in vars(module).items() if isinstance(value, Runnable | StateGraph)]
        there = ", ".join(sorted(graphs)) or "none"
        why = f"{declared_at}: {_short(file)} has no {variable!r}; of graphs it has {there}"
        raise LoadError(what, why, f"define {variable} there, or name another at {declared_at}") from None


def _import(what: str, place: str, root: Path, declared_at: str) -> ModuleType:
    """Import a file by its path, or a module by its name."""
    try:
        if "/" not in place and not place.endswith(".py"):
            return importlib.import_module(place)
        file = (root / place).resolve()
        if not file.is_file():
            why = f"{declared_at}: {_short(file)} isn't there"
            raise LoadError(what, why, "write it, or mend its path in langgraph.json")
        within = file.relative_to(root) if file.is_relative_to(root) else file
        name = "seltzer_graphs." + re.sub(r"\W", "_", str(within))
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            why = f"{declared_at}: {_short(file)} isn't a Python file"
            raise LoadError(what, why, "name a .py file in langgraph.json")
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except LoadError:
        raise
    except (Exception, SystemExit) as error:
        command = f"python {place}" if "/" in place or place.endswith(".py") else f"python -m {place}"
        todo = f"mend it; to see the whole error: {command}"
        raise LoadError(what, _why(error, declared_at), todo) from error


def _made(what: str, found: object, where: str) -> Runnable[Any, Any]:
    """Return the graph or Runnable that the variable is, builds or makes."""
    made = found
    try:
        if callable(found) and not isinstance(found, Runnable | StateGraph):
            made = _call(found)
        if isinstance(made, StateGraph):
            made = made.compile()
    except (Exception, SystemExit) as error:
        raise LoadError(what, _why(error, where), "mend it, so that it returns a graph") from error
    if isinstance(made, Runnable):
        return made
    why = f"{where}: it is {type(made).__name__!r}, not a graph, nor a function that returns one"
    todo = "name a compiled graph, a StateGraph, a function that makes one, or any Runnable"
    raise LoadError(what, why, todo)


def _call(factory: Callable[..., Any]) -> Any:
    """Call a factory, which may take a config and may be async."""
    made = factory({}) if inspect.signature(factory).parameters else factory()
    if inspect.isawaitable(made):

        async def wait() -> Any:
            return await made

        with ThreadPoolExecutor(1) as thread:  # in a loop of its own: one may be running here
            return thread.submit(asyncio.run, wait()).result()
    return made


def _wrap(name: str, runnable: Runnable[Any, Any]) -> AnyPregel:
    """Make a graph of one step, which says each chunk as the runnable makes it."""

    async def step(value: Any, config: RunnableConfig) -> entrypoint.final[Any, None]:
        say, whole = get_stream_writer(), None
        async for chunk in runnable.astream(value, config):
            say(chunk)
            whole = chunk if whole is None else whole + chunk
        return entrypoint.final(value=whole, save=None)  # no later run reads it

    step.__name__ = name
    return entrypoint()(step)


def _takes_messages(what: str, pregel: AnyPregel, where: str) -> bool:
    """Tell whether the input has messages. Raises LoadError if it hasn't, nor schemas to be served with."""
    if isinstance(pregel, CompiledStateGraph) and "messages" in _input_channels(pregel):
        return True  # its state may hold what no schema can describe
    try:
        pregel.get_output_jsonschema()
        return "messages" in pregel.get_input_jsonschema().get("properties", {})
    except PydanticUserError as error:
        why = f"{where}: its state has no JSON schema: {error.message.splitlines()[0]}"
        todo = "use types that JSON has, and TypedDict from typing_extensions before Python 3.12"
        raise LoadError(what, why, todo) from error


def _input_channels(pregel: CompiledStateGraph[Any, Any, Any, Any]) -> Iterable[str]:
    return pregel.builder.schemas[pregel.builder.input_schema]


def _line_of(file: Path, variable: str) -> int:
    """Return the line that defines the variable; 1 if it is made in another way, or not in Python."""
    if file.suffix != ".py":
        return 1
    defines = re.compile(rf"(async\s+def|def|class)\s+{variable}\b|{variable}\s*(:[^=]+)?=")
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if defines.match(line)), 1)


def _why(error: BaseException, place: str) -> str:
    """Say where in the user's code an error came up, else at which place, and what it was, in one line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(Path(error.filename))}:{error.lineno}: {error.msg}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    where = f"{_short(Path(own[-1].filename))}:{own[-1].lineno}" if own else place
    text = " ".join(str(error).split())
    return f"{where}: {type(error).__name__}: {text}"


def _is_users(filename: str) -> bool:
    """Tell whether a frame's file is neither Python's own, nor an installed package's, nor this one."""
    foreign = filename.startswith((_STDLIB, "<")) or "site-packages" in filename
    return not foreign and filename != __file__


def _short(file: Path) -> str:
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
