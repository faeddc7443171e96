"""Tells a model's listeners of a token by a short way.

LangChain's own way asks again for each token and each listener what kind it is, and gathers those that aren't
called in place, in a task each. That costs more than making the token. Here the listeners are looked at once
a call; where two would have to be gathered, or one would be called in another thread, the long way is kept.
"""

import inspect
import logging
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, BaseCallbackHandler

log = logging.getLogger(__name__)


def heard_in_place(run: AsyncCallbackManagerForLLMRun) -> AsyncCallbackManagerForLLMRun:
    """Return the run's manager, with a short way for tokens if all its listeners can be called in place."""
    listeners = [each for each in run.handlers if not each.ignore_llm]
    inline = [each for each in listeners if each.run_inline]
    gathered = [each for each in listeners if not each.run_inline]
    if len(gathered) > 1 or not all(map(_is_awaited, gathered)):
        return run
    return _InPlace(run, inline + gathered)


def _is_awaited(listener: BaseCallbackHandler) -> bool:
    return inspect.iscoroutinefunction(listener.on_llm_new_token)


class _InPlace(AsyncCallbackManagerForLLMRun):
    """The manager of a run whose listeners can be told one after the other."""

    def __init__(self, run: AsyncCallbackManagerForLLMRun, listeners: list[BaseCallbackHandler]) -> None:
        super().__init__(
            run_id=run.run_id,
            handlers=run.handlers,
            inheritable_handlers=run.inheritable_handlers,
            parent_run_id=run.parent_run_id,
            tags=run.tags,
            inheritable_tags=run.inheritable_tags,
            metadata=run.metadata,
            inheritable_metadata=run.inheritable_metadata,
        )
        self._listeners = [(each, _is_awaited(each)) for each in listeners]

    async def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:
        for listener, is_awaited in self._listeners:
            try:
                told: Any = listener.on_llm_new_token(
                    token,
                    chunk=chunk,
                    run_id=self.run_id,
                    parent_run_id=self.parent_run_id,
                    tags=self.tags,
                    **kwargs,
                )
                if is_awaited:
                    await told
            except Exception as error:  # as LangChain has it: a listener may raise anything
                log.warning("Error in %s.on_llm_new_token: %r", type(listener).__name__, error)
                if listener.raise_error and not isinstance(error, NotImplementedError):
                    raise
