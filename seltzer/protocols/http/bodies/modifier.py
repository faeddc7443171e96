"""What the owner of an app adds to a request's `configurable`: LangServe's `per_req_config_modifier`."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from starlette.requests import Request

from seltzer.runs.ids import new_id
from seltzer.runs.run import RunSpec
from seltzer.runs.thread import check_thread_id

Modify: TypeAlias = Callable[[dict[str, Any], Request], dict[str, Any] | Awaitable[dict[str, Any]]]
OURS: Final = frozenset({"thread_id", "on_busy", "checkpoint_id", "checkpoint_ns"})


@dataclass(frozen=True, slots=True)
class Modified:
    """What the owner's function makes of a config. added: what the graph finds in its `configurable`."""

    thread_id: str
    added: Mapping[str, Any]

    def apply(self, spec: RunSpec) -> RunSpec:
        """Return the run with it."""
        return replace(spec, thread_id=self.thread_id, configurable={**spec.configurable, **self.added})


@dataclass(frozen=True, slots=True)
class ConfigModifier:
    """Calls the owner's function for each request, before anything of the request is done.

    It gets `{"configurable": {..}}` and the request, and returns the config; it may raise HTTPException.
    Of what it returns, the thread and the keys that aren't the server's own count.
    """

    modify: Modify

    async def apply(self, request: Request, thread_id: str, configurable: Mapping[str, Any]) -> Modified:
        """Return what the function makes of it. Raises InvalidInput, and whatever the function raises."""
        result = self.modify({"configurable": {**configurable, "thread_id": thread_id}}, request)
        config = await result if inspect.isawaitable(result) else result
        modified = config.get("configurable") or {}
        field = "config.configurable.thread_id"
        added = {
            key: value for key, value in modified.items() if key not in OURS and not key.startswith("__")
        }
        return Modified(check_thread_id(modified.get("thread_id", thread_id), field), added)

    async def check(self, request: Request, thread_id: str | None = None) -> bool:
        """Call the function for a request that runs nothing, so that it may refuse it.

        Return whether it leaves the thread as it is: of a request about no thread, a new one.
        """
        thread_id = thread_id or new_id()
        return (await self.apply(request, thread_id, {})).thread_id == thread_id
