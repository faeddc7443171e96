"""A thread: a conversation, which runs continue one after another."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeAlias

from seltzer.errors import InvalidInput
from seltzer.runs.event import Json
from seltzer.runs.run import DEFAULT_OWNER, Owner, Run

_THREAD_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")

ThreadStatus: TypeAlias = Literal["idle", "busy", "interrupted", "error"]


@dataclass(frozen=True, slots=True)
class NewThread:
    """A thread to create before its first run. graph: what it is meant for; a run may be another's."""

    thread_id: str
    owner: Owner = DEFAULT_OWNER
    graph: str = ""
    title: str = ""
    metadata: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ThreadSearch:
    """Which threads to find: those that match everything given, and of these which page, in which order.

    owner: None for any. metadata: what theirs contains, as contains() has it. Threads that are equal by
    sort_by are ordered by their ids.
    """

    owner: Owner | None = None
    thread_ids: Collection[str] | None = None
    graph: str | None = None
    status: ThreadStatus | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)
    sort_by: Literal["created_at", "updated_at", "thread_id", "status"] = "updated_at"
    is_ascending: bool = False
    limit: int = 10
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation. run is its newest run, graph the one that ran then, or what it was created for."""

    thread_id: str
    graph: str
    title: str
    created_at: datetime
    updated_at: datetime
    run: Run | None
    owner: Owner = DEFAULT_OWNER
    metadata: Mapping[str, Json] = field(default_factory=dict)

    @property
    def status(self) -> ThreadStatus:
        if self.run is None:
            return "idle"
        if self.run.is_active:
            return "busy"
        return {"interrupted": "interrupted", "error": "error"}.get(self.run.status, "idle")  # type: ignore[return-value]  # a dict of literals


@dataclass(frozen=True, slots=True)
class ThreadStorage:
    """What a thread takes in the store: its content as it is stored, without what a database adds to it.

    states_bytes is that of the checkpoints and of what tasks have written, without the messages in them that
    are stored once for all of them.
    """

    checkpoints: int = 0
    messages: int = 0
    runs: int = 0
    states_bytes: int = 0
    messages_bytes: int = 0
    runs_bytes: int = 0
    events_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        return self.states_bytes + self.messages_bytes + self.runs_bytes + self.events_bytes


def check_thread_id(value: object, field: str) -> str:
    """Return the value if it can name a thread. Raises InvalidInput naming the field."""
    if isinstance(value, str) and _THREAD_ID.fullmatch(value):
        return value
    raise InvalidInput(
        field, "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -, beginning with a letter or digit"
    )


def contains(whole: Json, part: Json) -> bool:
    """Return whether the JSON contains the part, as Postgres' `@>` has it.

    An object contains another if each of its values contains the one at the same key; a list, if each of the
    other's elements is contained in one of its own. Everything else has to be equal.
    """
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    if isinstance(whole, list) and isinstance(part, list):
        return all(any(contains(each, value) for each in whole) for value in part)
    return isinstance(whole, bool) is isinstance(part, bool) and bool(whole == part)
