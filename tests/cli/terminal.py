"""A command in a terminal of its own, for tests that type and look."""

from __future__ import annotations

import os
import pty
import select
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.forkserver.process import start


class Terminal:
    """A running command whose standard streams are one pseudo-terminal. screen is all it has shown."""

    def __init__(
        self, arguments: Sequence[str], folder: Path, environment: dict[str, str], patience_s: float
    ) -> None:
        self._patience_s = patience_s
        self._read_up_to = 0
        self.screen = ""
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 100))
        self.process = start(
            arguments,
            folder=folder,
            environment=environment,
            in_terminal=True,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)

    def see(self, text: str) -> None:
        """Wait until the text is shown after what was seen last. Raises AssertionError with the screen."""
        deadline = time.monotonic() + self._patience_s
        while (at := self.screen.find(text, self._read_up_to)) < 0:
            self._receive(deadline, text)
        self._read_up_to = at + len(text)

    def press(self, keys: str) -> None:
        """Send keys as a person would press them; Enter is a carriage return, Ctrl-C is \\x03."""
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        """Wait for the command's end and return its exit code."""
        deadline = time.monotonic() + self._patience_s
        while self.process.poll() is None:
            self._receive(deadline, "its end")
        return self.process.returncode

    def _receive(self, deadline: float, awaited: str) -> None:
        ready, _, _ = select.select([self._ours], [], [], 0.1)
        if ready:
            try:
                self.screen += os.read(self._ours, 65536).decode(errors="replace")
            except OSError as error:  # Linux says EIO when the last process has closed the terminal
                if self.process.wait(self._patience_s) is not None and awaited != "its end":
                    raise AssertionError(f"ended without {awaited!r}:\n{self.screen}") from error
        elif time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {awaited!r}:\n{self.screen}")

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
