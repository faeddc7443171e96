"""Deaths of a process between two verbs of its stores, as by kill -9."""

import asyncio
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Stores

UNCOUNTED = frozenset({"renew", "get", "list", "has_run", "interrupted", "tree", "lasting_namespaces"})


class Deaths:
    """Counts the verbs that write."""

    def __init__(self) -> None:
        self._left = 0
        self._die: Callable[[], Path] | None = None
        self._death: asyncio.Future[Path] | None = None

    def arm(self, after: int, die: Callable[[], Path]) -> None:
        """Have the process die after so many verbs; what it does from then on is lost."""
        self._left, self._die, self._death = after, die, None

    async def strike(self) -> Path:
        """Have the process die now, unless it is dead; return the folder that it leaves."""
        if self._death is None:
            assert self._die is not None
            self._death, self._die = asyncio.ensure_future(asyncio.to_thread(self._die)), None
        return await asyncio.shield(self._death)

    def watch(self, stores: Stores) -> Stores:
        """Return the stores, whose verbs are counted."""
        ports: dict[str, Any] = {
            "runs": _Port(stores.runs, self),
            "threads": _Port(stores.threads, self),
            "checkpoints": _Checkpoints(stores.checkpoints, self),
        }
        return replace(stores, **ports)

    def counted(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        async def do(*args: Any, **kwargs: Any) -> Any:
            if self._die is not None:
                self._left -= 1
                if self._left < 0:
                    await self.strike()
            return await verb(*args, **kwargs)

        return do


class _Port:
    """A port of the stores."""

    def __init__(self, port: Any, deaths: Deaths) -> None:
        self._port = port
        self._deaths = deaths

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._port, name)
        return verb if name in UNCOUNTED else self._deaths.counted(verb)


class _Checkpoints(_Port):
    def saver_for(self, pregel: AnyPregel) -> Any:
        saver = copy(self._port.saver_for(pregel))
        for name in ("aput", "aput_writes"):
            setattr(saver, name, self._deaths.counted(getattr(saver, name)))
        return saver
