"""Imports what langgraph.json names, and puts the project on the import path.

Departs from `langgraph dev`:
1. the project comes first on the import path, as for `python file.py`, not last: its own `app` or `tests` is
   meant, not one that an installed package has;
2. a file that can also be imported by a name has that name, so that `import` finds the module that is there
   already (its classes exist once), and relative imports work.
"""

import importlib
import importlib.util
import re
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from hashlib import blake2b
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

from seltzer.catalog.projects import install_hint
from seltzer.errors import LoadError

_STDLIB: Final = sysconfig.get_path("stdlib")
_OWN: Final = str(Path(__file__).parents[1])
_LOADED: Final = object()  # marks the modules that a load has executed
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_KEY: Final = re.compile(r"\b[A-Z][A-Z0-9_]*_(KEY|TOKEN|SECRET|ENDPOINT)\b")
_JAVASCRIPT: Final = frozenset({".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"})


def put_on_path(folders: Sequence[Path]) -> None:
    """Put folders in front of the import path, each once."""
    sys.path[:] = dict.fromkeys((*map(str, folders), *sys.path))


class Importer:
    """Imports for one load of langgraph.json in the folder root: each file is executed once.

    A module that was imported by others is used as it is; one that an earlier load executed is executed anew,
    as the environment may have changed. whole_error: the command that shows an error with its traceback.
    """

    def __init__(self, root: Path, whole_error: str = "seltzer graphs --verbose") -> None:
        self._root = root
        self._whole_error = whole_error
        self._modules: dict[Path, ModuleType] = {}

    def import_target(self, what: str, place: str, declared_at: str) -> ModuleType:
        """Import a file by its path, or a module by its name. Raises LoadError; what is its first line."""
        is_file = "/" in place or "\\" in place or Path(place).suffix in {".py", *_JAVASCRIPT}
        try:
            return self._import_file(what, place, declared_at) if is_file else importlib.import_module(place)
        except LoadError:
            raise
        except (Exception, SystemExit) as error:
            todo = f"fix it; to see the whole error: {self._whole_error}"
            if isinstance(error, ModuleNotFoundError) and error.name and not _is_in_package(error.name):
                missing = f"install the package that has {error.name!r} in this environment, or {todo}"
                todo = install_hint(error.name, self._root) or missing
            raise raised(what, error, declared_at, todo) from error

    def _import_file(self, what: str, place: str, declared_at: str) -> ModuleType:
        file = (self._root / place).resolve()
        if file.suffix in _JAVASCRIPT:
            reason = f"{declared_at}: {short(file)} is JavaScript; this server runs Python graphs"
            raise LoadError(
                what, reason, "write the graph in Python, or serve it with LangGraph's own server"
            )
        if not file.is_file():
            reason = f"{declared_at}: {short(file)} doesn't exist{_nearest(file)}"
            raise LoadError(what, reason, f"write it, or correct its path at {declared_at}")
        module = self._modules.get(file) or _imported_by_others(file)
        if module is None:
            spec = importlib.util.spec_from_file_location(_module_name(file), file)
            if spec is None or spec.loader is None:
                reason = f"{declared_at}: {short(file)} isn't a Python file"
                raise LoadError(what, reason, f"name a .py file at {declared_at}")
            module = self._modules[file] = _execute(spec)
        return module


def raised(what: str, error: BaseException, place: str, todo: str) -> LoadError:
    """Return the LoadError for what the user's code raised; place is for an error of no line of theirs."""
    kind = "" if isinstance(error, SyntaxError | ImportError) else type(error).__name__
    why = _why(error, place)
    todo = _setting_hint(error) or todo
    public_why = f"{why.partition(f': {kind}: ')[0]}: {kind}" if kind else why
    return LoadError(what, why, todo, public_why=public_why)


def _why(error: BaseException, place: str) -> str:
    """Return in one line where in the user's code an error was raised, else the place, and what it is."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{short(Path(error.filename))}:{error.lineno}: {error.msg}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    where = f"{short(Path(own[-1].filename))}:{own[-1].lineno}" if own else place
    text = " ".join(str(error).split())
    return f"{where}: {type(error).__name__}: {text}"


def _setting_hint(error: BaseException) -> str | None:
    """Return what to do about a setting that the environment lacks or has wrong, if the error is of one."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    where = "in the environment, or in the file that `env` in langgraph.json names"
    if getattr(error, "code", None) == "model_not_configured":
        return f"correct the setting {where}"
    found = (_VARIABLE.fullmatch if isinstance(error, KeyError) else _KEY.search)(text)
    return f"set {found[0]} {where}" if found else None


def _nearest(file: Path) -> str:
    """Return which file beside the missing one has nearly its name, if one does."""
    near = get_close_matches(file.name, [each.name for each in file.parent.glob("*.py")], n=1)
    return f"; is it {near[0]}?" if near else ""


def _is_in_package(name: str) -> bool:
    """Return whether a module that wasn't found is of a package that was: there is nothing to install."""
    return name.rpartition(".")[0] in sys.modules


def line_of(file: Path, variable: str) -> int:
    """Return the line that defines the variable; 1 if it is made in another way, or not in Python."""
    if file.suffix != ".py":
        return 1
    defines = re.compile(rf"(async\s+def|def|class)\s+{variable}\b|{variable}\s*(:[^=]+)?=")
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if defines.match(line)), 1)


def short(file: Path) -> str:
    """Return the file as seen from the working directory, where it is below that."""
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


def _execute(spec: ModuleSpec) -> ModuleType:
    module = importlib.util.module_from_spec(spec)
    spec.loader_state = _LOADED
    before = sys.modules.get(spec.name)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)  # type: ignore[union-attr]  # checked by the caller
    except BaseException:  # half a module must not be found by the next graph of that file
        if before is None:
            del sys.modules[spec.name]
        else:
            sys.modules[spec.name] = before
        raise
    return module


def _imported_by_others(file: Path) -> ModuleType | None:
    """Return the module that an import statement has made of the file."""
    for name, module in list(sys.modules.items()):
        # not getattr: that would load a module that loads lazily on access
        values = getattr(module, "__dict__", {})
        if name != "__main__" and values.get("__file__") == str(file) and not _is_loaded(module):
            return module
    return None


def _is_loaded(module: ModuleType | None) -> bool:
    """Return whether the module is one that a load has executed."""
    return getattr(getattr(module, "__spec__", None), "loader_state", None) is _LOADED


def _module_name(file: Path) -> str:
    """Return the name of a file's module: the one `import` would find it by, unless that is another's."""
    name = _importable_name(file)
    there = sys.modules.get(name) if name else None
    if name and (there is None or (_is_loaded(there) and there.__file__ == str(file))):
        return name
    return f"seltzer_graphs.{re.sub(r'[^0-9A-Za-z_]', '_', file.stem)}_{_digest(file)}"


def _importable_name(file: Path) -> str | None:
    """Return by which name `import` would find the file; nothing is imported to find out."""
    for folder in map(Path, sys.path):
        if not folder.is_absolute() or not file.is_relative_to(folder):
            continue
        *packages, last = file.relative_to(folder).with_suffix("").parts
        parts = packages if last == "__init__" else [*packages, last]
        if parts and all(part.isidentifier() for part in parts) and _found(parts) == str(file):
            return ".".join(parts)
    return None


def _found(parts: Sequence[str]) -> str | None:
    """Return the file that `import` would find for a dotted name."""
    places: Sequence[str] | None = None
    origin = None
    for index in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: index + 1]), places)
        if spec is None:
            return None
        origin, places = spec.origin, list(spec.submodule_search_locations or ())
    return origin


def _digest(file: Path) -> str:
    return blake2b(str(file).encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()


def _is_users(filename: str) -> bool:
    """Return whether a frame's file is neither Python's own, nor an installed package's, nor Seltzer's."""
    foreign = filename.startswith((_STDLIB, "<", _OWN)) or "site-packages" in filename
    return not foreign
