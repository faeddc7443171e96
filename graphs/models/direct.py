"""The direct way of an answer's text: from where its bytes come in to those who listen.

The long way wakes the task that waits for the bytes: thirty coroutines deep, from the run down to the socket,
all of which go on and wait anew. At 50 tokens a second that costs more than all else that a token needs.
"""

from collections.abc import Callable
from contextvars import copy_context

from graphs.models.events import leading_texts


class Direct:
    """Says the plain texts of one answer in place of the task that waits for its bytes, and in its context.

    is_open: the last thing that was told is plain text, so that more of it may follow. count: the texts that
    went this way.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._context = copy_context()
        self._error: BaseException | None = None
        self.is_open = False
        self.count = 0

    def say(self, text: str) -> bool:
        """Say the text, in the task itself, if the way is open; return whether it was.

        Raises what a listener raises.
        """
        if self.is_open:
            self.count += 1
            self._say(text)
        return self.is_open

    def take(self, data: bytes) -> bytes:
        """Say the texts that the data begins with, and return the rest, for the long way. Never raises.

        The data begins with an event.
        """
        if not self.is_open:
            return data
        texts, rest = leading_texts(data)
        try:
            self._context.run(self._say_all, texts)
        except BaseException as error:  # noqa: BLE001  # a listener's: the task raises it, in check()
            self._error, self.is_open = error, False
            return data
        return rest

    def check(self) -> None:
        """Raise what a listener has raised."""
        if self._error is not None:
            raise self._error

    def _say_all(self, texts: list[str]) -> None:
        for text in texts:
            self.count += 1
            self._say(text)
