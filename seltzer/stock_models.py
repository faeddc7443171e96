"""Has people's own ChatOpenAIs accelerated while an engine is open (docs/decisions/0011).

A stock model is one of LangChain's own class, made by a graph's author, not by seltzer.models.

Nothing is imported for it that isn't used: it begins once langchain_openai is imported, which a graph may do
in its first run.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

log = logging.getLogger(__name__)

LIBRARY: Final = "langchain_openai"


@asynccontextmanager
async def accelerated_stock_models() -> AsyncIterator[None]:
    """Accelerate them until the block ends; of blocks that overlap, until the last one does."""
    _ACCELERATION.enter()
    try:
        await asyncio.to_thread(_ACCELERATION.begin_if_imported)
        yield
    finally:
        _ACCELERATION.leave()


class _Acceleration:
    """Counts who wants it, and changes ChatOpenAI for as long as somebody does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # what install() needs was imported before it is acquired
        self._count = 0
        self._watch = _Watch(self.begin)
        self._remove: Callable[[], None] | None = None

    def enter(self) -> None:
        """Count one more. Imports nothing, so that whoever calls it can't be cancelled amid it."""
        with self._lock:
            self._count += 1
            if self._count == 1:
                sys.meta_path.insert(0, self._watch)

    def begin_if_imported(self) -> None:
        if LIBRARY in sys.modules:
            self.begin()

    def begin(self) -> None:
        """Change ChatOpenAI, if that is still wanted and can be done. Never raises."""
        try:
            self._begin()
        except Exception as error:  # whatever a library's release may raise
            log.warning("plain ChatOpenAI models aren't accelerated", exc_info=error)

    def _begin(self) -> None:
        install = import_module("seltzer.models.openai.stock").stock_installer()
        with self._lock:
            if install is None or self._remove is not None or not self._count:
                return
            self._remove = install()
        log.info("plain ChatOpenAI models are accelerated; SELTZER_ACCELERATE=off leaves them as they are")

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count:
                return
            sys.meta_path.remove(self._watch)
            remove, self._remove = self._remove, None
            if remove is not None:
                remove()


class _Watch(MetaPathFinder):
    """Calls `then` once the library has been imported."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != LIBRARY:
            return None
        others = (each for each in sys.meta_path if each is not self)
        specs = (each.find_spec(fullname, path, target) for each in others)
        spec = next((each for each in specs if each is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Watched(spec.loader, self._then)
        return spec


class _Watched(Loader):
    """Loads a module as its own loader does, and calls `then`."""

    def __init__(self, own: Any, then: Callable[[], None]) -> None:
        self._own = own
        self._then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._own.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._own
        self._own.exec_module(module)
        self._then()


_ACCELERATION: Final = _Acceleration()
