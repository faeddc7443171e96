"""A thread: a conversation, which runs continue one after another."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from seltzer.errors import InvalidInput
from seltzer.runs.run import Run

_THREAD_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation. run is its newest run, graph the one that ran then."""

    thread_id: str
    graph: str
    title: str
    created_at: datetime
    updated_at: datetime
    run: Run | None

    @property
    def status(self) -> Literal["idle", "busy", "interrupted", "error"]:
        if self.run is None:
            return "idle"
        if self.run.is_active:
            return "busy"
        return {"interrupted": "interrupted", "error": "error"}.get(self.run.status, "idle")  # type: ignore[return-value]  # a dict of literals


def check_thread_id(value: object, field: str) -> str:
    """Return the value if it can name a thread. Raises InvalidInput naming the field."""
    if isinstance(value, str) and _THREAD_ID.fullmatch(value):
        return value
    raise InvalidInput(
        field, "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -, beginning with a letter or digit"
    )
