"""What is moved: each table's columns, which both stores have, and how a value of one is the other's.

Not moved are the events of runs, which are kept for an hour by default: a run's end is in its row.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from seltzer.stores.checkpoints.metadata import dump_metadata

EXPIRED: Final = datetime.fromtimestamp(0, UTC)  # of a lease: whoever had it is no more


class Table(NamedTuple):
    """A table. order: the column that numbers its rows in the order of writing, beside the others.

    A database that has rows already numbers those that are moved to it anew, in their order.
    """

    name: str
    columns: tuple[str, ...]
    order: str = ""
    in_sqlite: str = ""

    @property
    def of_file(self) -> str:
        """Return its name in the SQLite file."""
        return self.in_sqlite or self.name


_OF_THREAD: Final = "thread_id owner graph title title_folded created_at updated_at metadata"
_OF_RUN: Final = (
    "run_id thread_id owner graph status attempt crashes has_touched worker lease_until requested_by"
    " requested_until stop created_at attached max_steps configurable on_busy answers checkpoint_id digest"
    " title input_type input last output started_at ended_at stats"
)
_OF_CHECKPOINT: Final = (
    "thread_id checkpoint_ns checkpoint_id parent_checkpoint_id source run_id has_delta lists top metadata"
    " type checkpoint"
)
_OF_WRITE: Final = (
    "thread_id checkpoint_ns checkpoint_id task_id task_path idx channel lists top type value run_id"
)

THREADS: Final = Table("threads", tuple(_OF_THREAD.split()))
RUNS: Final = Table("runs", tuple(_OF_RUN.split()), "number")
STATES: Final = (
    Table("checkpoints", tuple(_OF_CHECKPOINT.split()), "seq"),
    Table("writes", tuple(_OF_WRITE.split()), "seq"),
    Table("messages", ("thread_id", "number", "digest", "type", "blob"), in_sqlite="checkpoint_messages"),
)
DELETED_RUNS: Final = Table("deleted_runs", ("run_id", "deleted_at"))
TABLES: Final = (THREADS, RUNS, DELETED_RUNS, *STATES)

Shifts = Mapping[str, int]  # what is added to a thread's messages' numbers


class Moved(NamedTuple):
    """How much was moved. vectors_left: items that aren't found by their meaning there."""

    threads: int
    runs: int
    checkpoints: int
    items: int = 0
    vectors_left: int = 0


def to_postgres(table: Table, row: Sequence[Any], shifts: Shifts) -> list[Any]:
    """Return the row of the file as the database has it."""
    return _converted(table, row, shifts, _TO_POSTGRES)


def to_file(table: Table, row: Sequence[Any], shifts: Shifts) -> list[Any]:
    """Return the row of the database as the file has it."""
    return _converted(table, row, shifts, _TO_FILE)


def _converted(
    table: Table, row: Sequence[Any], shifts: Shifts, conversions: Mapping[str, Callable[[Any], Any]]
) -> list[Any]:
    values = {
        name: conversions[name](value) if name in conversions and value is not None else value
        for name, value in zip(table.columns, row, strict=True)
    }
    if table in STATES and (shift := shifts.get(values["thread_id"], 0)):
        for name in ("number", "top"):
            if values.get(name) is not None:
                values[name] += shift
        if values.get("lists") is not None:
            values["lists"] = _shifted(values["lists"], shift)
    return list(values.values())


def _shifted(lists: str, shift: int) -> str:
    """Return a value's lists (seltzer/stores/checkpoints/spans.py) with other numbers."""
    return json.dumps([[path, [end + shift for end in ends]] for path, ends in json.loads(lists)])


def _from_seconds(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _to_seconds(time: datetime) -> float:
    return time.timestamp()


_TIMES: Final = ("created_at", "updated_at", "deleted_at", "started_at", "ended_at")
_FLAGS: Final = ("has_touched", "attached", "has_delta")
_LEASES: Final = ("lease_until", "requested_until")

_TO_POSTGRES: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(_TIMES, _from_seconds),
    **dict.fromkeys(_FLAGS, bool),
    **dict.fromkeys(_LEASES, lambda _: EXPIRED),
    "metadata": lambda data: dump_metadata(json.loads(data)).decode(),
}
_TO_FILE: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(_TIMES, _to_seconds),
    **dict.fromkeys(_FLAGS, int),
    **dict.fromkeys(_LEASES, lambda _: 0.0),
    "metadata": str.encode,
}
