"""The direct path of an answer's text: from where its bytes arrive to the callbacks.

Otherwise each token wakes the task that awaits the bytes: thirty coroutines deep, from the run down to the
socket, all of which resume and wait anew. At a steady pace that costs more than all else a token needs.
"""

from contextvars import copy_context

from langchain_core.outputs import ChatGenerationChunk

from seltzer.models.openai.accelerated.callbacks import CallbacksInPlace
from seltzer.models.openai.accelerated.reading.frames import Frame
from seltzer.models.openai.accelerated.reading.text_chunk import text_chunk
from seltzer.models.openai.accelerated.reading.text_frames import TextFrames


class DirectPath:
    """Publishes the plain texts of one answer for the task that awaits its bytes, and in its context.

    It is open while what was published last is plain text, so that more of it may follow. What it has
    published becomes one chunk of the answer: collect_published(). count: the texts published so far.
    """

    def __init__(self, callbacks: CallbacksInPlace) -> None:
        self._callbacks = callbacks
        self._is_sync = callbacks.are_all_sync
        self._context = copy_context()
        self._frames = TextFrames()
        self._texts: list[str] = []
        self._error: BaseException | None = None
        self.count = 0

    def close(self) -> None:
        """Close the path until the task has published more: a frame of another kind has arrived."""
        self._callbacks.text_id = None

    async def publish(self, text: str) -> bool:
        """Publish the text, in the task itself, if the path is open; return whether it was.

        Raises what a handler raises.
        """
        message_id = self._callbacks.text_id
        if message_id is None:
            return False
        if self._is_sync:
            self._callbacks.publish_texts((text,), message_id)
        else:
            await self._callbacks.publish_text(text, message_id)
        self._texts.append(text)
        self.count += 1
        return True

    def consume(self, data: bytes) -> bytes:
        """Publish the texts that the data begins with, and return the rest, for the task. Never raises.

        The data begins with an event.
        """
        message_id = self._callbacks.text_id
        if message_id is None or not self._is_sync:
            return data
        texts, rest = self._frames.leading_texts(data)
        if not texts:
            return data
        try:
            self._context.run(self._callbacks.publish_texts, texts, message_id)
        except BaseException as error:  # noqa: BLE001  # a handler's: the task raises it, in check()
            self._error = error
            self.close()
            return data
        self._texts += texts
        self.count += len(texts)
        return rest

    def check(self) -> None:
        """Raise what a handler has raised."""
        if self._error is not None:
            raise self._error

    def collect_published(self) -> "PublishedText | None":
        """Return what was published since the last call, for the answer; None if there is nothing."""
        if not self._texts:
            return None
        chunk = self._callbacks.published = text_chunk("".join(self._texts))
        self._texts.clear()
        return PublishedText(chunk)


class PublishedText(Frame):
    """Stands in the stream for frames whose text was published by the direct path."""

    __slots__ = ("chunk",)

    def __init__(self, chunk: ChatGenerationChunk) -> None:
        super().__init__()
        self.chunk = chunk
