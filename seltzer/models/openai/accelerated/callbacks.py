"""Calls a model's callbacks for each token in place.

LangChain checks for each token and each handler what kind it is, and gathers those that can't be called
in place, in a task each. That costs more than making the token. Here the handlers are looked at once a call;
where two would have to be gathered, or one would run in another thread, LangChain's manager is kept.
"""

import inspect
import logging
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, BaseCallbackHandler
from langchain_core.outputs import ChatGenerationChunk

from seltzer.models.openai.accelerated.reading.text_chunk import is_text_chunk, text_chunk

log = logging.getLogger(__name__)


def callbacks_in_place(run: AsyncCallbackManagerForLLMRun) -> AsyncCallbackManagerForLLMRun:
    """Return the run's manager, as CallbacksInPlace if all its handlers can be called in place."""
    handlers = [each for each in run.handlers if not each.ignore_llm]
    inline = [each for each in handlers if each.run_inline]
    gathered = [each for each in handlers if not each.run_inline]
    if len(gathered) > 1 or not all(map(_is_async, gathered)):
        return run
    return CallbacksInPlace(run, inline + gathered)


def _is_async(handler: BaseCallbackHandler) -> bool:
    return inspect.iscoroutinefunction(handler.on_llm_new_token)


class CallbacksInPlace(AsyncCallbackManagerForLLMRun):
    """The manager of a run whose handlers can be called one after the other.

    text_id: the id of the run's message if the last chunk was plain text of it, so that more may follow; else
    None. published: a chunk whose text the handlers have already; it isn't published again.
    """

    def __init__(self, run: AsyncCallbackManagerForLLMRun, handlers: list[BaseCallbackHandler]) -> None:
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
        self._handlers = [(each, _is_async(each), getattr(each, "on_llm_texts", None)) for each in handlers]
        self._id_end = str(run.run_id)
        self.text_id: str | None = None
        self.published: ChatGenerationChunk | None = None

    @property
    def are_all_sync(self) -> bool:
        return not any(is_async for _, is_async, _ in self._handlers)

    async def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:
        if chunk is not None and chunk is self.published:
            return
        for handler, is_async, _ in self._handlers:
            try:
                called: Any = self._call(handler, token, chunk, kwargs)
                if is_async:
                    await called
            except Exception as error:  # noqa: BLE001  # a handler may raise anything
                _log_or_raise(handler, error)
        is_text = isinstance(chunk, ChatGenerationChunk) and is_text_chunk(chunk)
        message_id = chunk.message.id if is_text else None
        self.text_id = message_id if message_id and message_id.endswith(self._id_end) else None

    async def publish_text(self, text: str, message_id: str) -> None:
        """Publish more text of a message whose first text was published as a chunk.

        A handler that has `on_llm_texts(texts, message_id=.., run_id=..)` is spared the chunk that
        on_llm_new_token expects.
        """
        chunk: ChatGenerationChunk | None = None
        for handler, is_async, on_texts in self._handlers:
            try:
                if on_texts is not None:
                    on_texts((text,), message_id=message_id, run_id=self.run_id)
                    continue
                chunk = chunk or _chunk(text, message_id)
                called: Any = self._call(handler, text, chunk, {})
                if is_async:
                    await called
            except Exception as error:  # noqa: BLE001  # as above
                _log_or_raise(handler, error)

    def publish_texts(self, texts: Sequence[str], message_id: str) -> None:
        """Do the same for several texts without awaiting anything: only where are_all_sync.

        Each handler gets all of them before the next one gets any.
        """
        for handler, _, on_texts in self._handlers:
            if on_texts is None:
                self._publish_chunks(handler, texts, message_id)
                continue
            try:
                on_texts(texts, message_id=message_id, run_id=self.run_id)
            except Exception as error:  # noqa: BLE001  # as above
                _log_or_raise(handler, error)

    def _publish_chunks(self, handler: BaseCallbackHandler, texts: Sequence[str], message_id: str) -> None:
        for text in texts:
            try:
                self._call(handler, text, _chunk(text, message_id), {})
            except Exception as error:  # noqa: BLE001  # as above
                _log_or_raise(handler, error)

    def _call(self, handler: BaseCallbackHandler, token: Any, chunk: Any, more: dict[str, Any]) -> Any:
        return handler.on_llm_new_token(
            token, chunk=chunk, run_id=self.run_id, parent_run_id=self.parent_run_id, tags=self.tags, **more
        )


def _chunk(text: str, message_id: str) -> ChatGenerationChunk:
    chunk = text_chunk(text)
    chunk.message.id = message_id
    chunk.message.model_fields_set.add("response_metadata")  # which LangChain's loop sets
    return chunk


def _log_or_raise(handler: BaseCallbackHandler, error: Exception) -> None:
    """Log what the handler has raised, and raise it again if it is declared so, as LangChain does."""
    log.warning("Error in %s.on_llm_new_token: %r", type(handler).__name__, error)
    if handler.raise_error and not isinstance(error, NotImplementedError):
        raise error
