"""The data of 0006_numbered_messages.sql: a state's messages by number instead of by a ref each.

Before, a value whose lists were taken out had the type `packed`, and was a msgpack of the value's own type,
its bytes, and the lists: each a path and the refs of its messages, 16 bytes each, end to end.
"""

import sqlite3
from collections.abc import Callable
from struct import iter_unpack
from typing import Any, Final

from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.spans import Path, Spans, dumps, joined, spans_of

_PACKED: Final = "packed"
_REF_BYTES: Final = 16
_THREADS: Final = "SELECT thread_id FROM old_checkpoints UNION SELECT thread_id FROM old_writes"
_CHECKPOINTS: Final = """
SELECT seq, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id,
    coalesce(json_extract(CAST(metadata AS TEXT), '$.source'), ''),
    coalesce(json_extract(CAST(metadata AS TEXT), '$.run_id'), ''),
    instr(CAST(metadata AS TEXT), '"counters_since_delta_snapshot"') > 0, metadata, type, checkpoint
FROM old_checkpoints WHERE thread_id = ? ORDER BY seq
"""
_WRITES: Final = """
SELECT seq, thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, run_id, type, value
FROM old_writes WHERE thread_id = ? ORDER BY seq
"""
_PUT_CHECKPOINT: Final = """
INSERT INTO checkpoints (seq, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, source, run_id,
    has_delta, metadata, type, checkpoint, lists, top) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_PUT_WRITE: Final = """
INSERT INTO writes (seq, thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, run_id,
    type, value, lists, top) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_PUT_MESSAGE: Final = """
INSERT INTO checkpoint_messages SELECT thread_id, ?, ref, type, blob FROM old_messages
WHERE thread_id = ? AND ref = ?
"""


def number_messages(connection: sqlite3.Connection) -> None:
    """Copy the old tables into the new ones, and drop them. A message that no state has is dropped."""
    for (thread_id,) in connection.execute(_THREADS).fetchall():
        numbers = _Numbers()
        _copy(connection, thread_id, numbers, _CHECKPOINTS, _PUT_CHECKPOINT)
        _copy(connection, thread_id, numbers, _WRITES, _PUT_WRITE)
        connection.executemany(
            _PUT_MESSAGE, ((number, thread_id, ref) for ref, number in numbers.by_ref.items())
        )
    for table in ("old_checkpoints", "old_writes", "old_messages"):
        connection.execute(f"DROP TABLE {table}")


class _Numbers:
    """A thread's messages, numbered in the order in which its states have got them."""

    def __init__(self) -> None:
        self.by_ref: dict[bytes, int] = {}
        self._last: tuple[bytes, Spans] = (b"", ())

    def spans(self, refs: bytes) -> Spans:
        """Return a list as spans. One that continues the one before costs what it has more."""
        before, spans = self._last if refs.startswith(self._last[0]) else (b"", ())
        rest = (ref for (ref,) in iter_unpack(f"{_REF_BYTES}s", refs[len(before) :]))
        new = [self.by_ref.setdefault(ref, len(self.by_ref) + 1) for ref in rest]
        self._last = refs, joined((*spans, *spans_of(new)))
        return self._last[1]


def _copy(connection: sqlite3.Connection, thread_id: str, numbers: _Numbers, select: str, put: str) -> None:
    unpack = _unpacker(numbers)
    for *row, kind, blob in connection.execute(select, (thread_id,)):
        connection.execute(put, (*row, *unpack(kind, blob)))


def _unpacker(numbers: _Numbers) -> Callable[[str, bytes], tuple[Any, ...]]:
    serde = SafeSerializer()

    def unpack(kind: str, blob: bytes) -> tuple[Any, ...]:
        """Return the value's own type and bytes, its lists, and the highest number in them."""
        if kind != _PACKED:
            return kind, blob, None, None
        inner_kind, inner, lists = serde.loads_typed(("msgpack", blob))
        found: list[tuple[Path, Spans]] = [(tuple(path), numbers.spans(refs)) for path, refs in lists]
        top = max((stop - 1 for _, spans in found for _, stop in spans), default=None)
        return inner_kind, inner, dumps(found), top

    return unpack
