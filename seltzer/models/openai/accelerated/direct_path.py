"""The direct way of an answer's text: from where its bytes come in to those who listen.

The long way wakes the task that waits for the bytes: thirty coroutines deep, from the run down to the socket,
all of which go on and wait anew. At 50 tokens a second that costs more than all else that a token needs.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context

from seltzer.models.openai.accelerated.text_frames import Texts


class Direct:
    """Says the plain texts of one answer in place of the task that waits for its bytes, and in its context.

    say: tells the listeners texts; None if they have to be waited for, as they are by tell. is_open: what was
    told last is plain text, so that more of it may follow. count: the texts that went this way.
    """

    def __init__(
        self, say: Callable[[Sequence[str]], None] | None, tell: Callable[[str], Awaitable[None]]
    ) -> None:
        self._say = say
        self._tell = tell
        self._context = copy_context()
        self._texts = Texts()
        self._error: BaseException | None = None
        self.is_open = False
        self.count = 0

    async def tell(self, text: str) -> bool:
        """Tell the text, in the task itself, if the way is open; return whether it was.

        Raises what a listener raises.
        """
        if self.is_open:
            self.count += 1
            if self._say is not None:
                self._say((text,))
            else:
                await self._tell(text)
        return self.is_open

    def take(self, data: bytes) -> bytes:
        """Say the texts that the data begins with, and return the rest, for the long way. Never raises.

        The data begins with an event.
        """
        if not self.is_open or self._say is None:
            return data
        texts, rest = self._texts.leading(data)
        if not texts:
            return data
        try:
            self._context.run(self._say, texts)
        except BaseException as error:  # noqa: BLE001  # a listener's: the task raises it, in check()
            self._error, self.is_open = error, False
            return data
        self.count += len(texts)
        return rest

    def check(self) -> None:
        """Raise what a listener has raised."""
        if self._error is not None:
            raise self._error
