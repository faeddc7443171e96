"""Tells a model's listeners of a token by a short way.

LangChain's own way asks again for each token and each listener what kind it is, and gathers those that aren't
called in place, in a task each. That costs more than making the token. Here the listeners are looked at once
a call; where two would have to be gathered, or one would be called in another thread, the long way is kept.
"""

import inspect
import logging
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, BaseCallbackHandler
from langchain_core.outputs import ChatGenerationChunk

from seltzer.models.openai.accelerated.stream import text_chunk

log = logging.getLogger(__name__)


def heard_in_place(run: AsyncCallbackManagerForLLMRun) -> AsyncCallbackManagerForLLMRun:
    """Return the run's manager, with a short way for tokens if all its listeners can be called in place."""
    listeners = [each for each in run.handlers if not each.ignore_llm]
    inline = [each for each in listeners if each.run_inline]
    gathered = [each for each in listeners if not each.run_inline]
    if len(gathered) > 1 or not all(map(_is_awaited, gathered)):
        return run
    return InPlace(run, inline + gathered)


def _is_awaited(listener: BaseCallbackHandler) -> bool:
    return inspect.iscoroutinefunction(listener.on_llm_new_token)


class InPlace(AsyncCallbackManagerForLLMRun):
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
        self._text_listeners = [(*each, getattr(each[0], "on_llm_texts", None)) for each in self._listeners]

    @property
    def are_never_awaited(self) -> bool:
        return not any(is_awaited for _, is_awaited in self._listeners)

    async def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:
        for listener, is_awaited in self._listeners:
            try:
                told: Any = self._told(listener, token, chunk, kwargs)
                if is_awaited:
                    await told
            except Exception as error:  # noqa: BLE001  # a listener may raise anything
                _take_note(listener, error)

    async def on_more_text(self, text: str, message_id: str) -> None:
        """Tell more text of a message whose beginning was told.

        A listener that has `on_llm_texts(texts, message_id=.., run_id=..)` is told by it, and is spared the
        chunk that on_llm_new_token wants.
        """
        chunk: ChatGenerationChunk | None = None
        for listener, is_awaited, hear in self._text_listeners:
            try:
                if hear is not None:
                    hear((text,), message_id=message_id, run_id=self.run_id)
                    continue
                chunk = chunk or _more(text, message_id)
                told: Any = self._told(listener, text, chunk, {})
                if is_awaited:
                    await told
            except Exception as error:  # noqa: BLE001  # as above
                _take_note(listener, error)

    def tell_texts(self, texts: Sequence[str], message_id: str) -> None:
        """Do the same for several texts, without a wait: only where are_never_awaited.

        Each listener hears all of them before the next hears one.
        """
        for listener, _, hear in self._text_listeners:
            if hear is None:
                self._tell_chunks(listener, texts, message_id)
                continue
            try:
                hear(texts, message_id=message_id, run_id=self.run_id)
            except Exception as error:  # noqa: BLE001  # as above
                _take_note(listener, error)

    def _tell_chunks(self, listener: BaseCallbackHandler, texts: Sequence[str], message_id: str) -> None:
        for text in texts:
            try:
                self._told(listener, text, _more(text, message_id), {})
            except Exception as error:  # noqa: BLE001  # as above
                _take_note(listener, error)

    def _told(self, listener: BaseCallbackHandler, token: Any, chunk: Any, more: dict[str, Any]) -> Any:
        return listener.on_llm_new_token(
            token, chunk=chunk, run_id=self.run_id, parent_run_id=self.parent_run_id, tags=self.tags, **more
        )


def _more(text: str, message_id: str) -> ChatGenerationChunk:
    """Make the chunk of more text of a message."""
    chunk = text_chunk(text)
    chunk.message.id = message_id
    chunk.message.model_fields_set.add("response_metadata")  # which LangChain's loop sets
    return chunk


def _take_note(listener: BaseCallbackHandler, error: Exception) -> None:
    """Log what the listener has raised, and raise it again if it wants that, as LangChain has it."""
    log.warning("Error in %s.on_llm_new_token: %r", type(listener).__name__, error)
    if listener.raise_error and not isinstance(error, NotImplementedError):
        raise error
