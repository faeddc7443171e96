"""A run as the columns of a row, for the stores that have rows."""

from datetime import datetime
from typing import Any, Final, Protocol

import orjson

from seltzer.runs.event import Event
from seltzer.runs.jsonable import dumps
from seltzer.runs.run import AttemptStats, Labels, Run, RunSpec, RunStatus, RunSummary
from seltzer.stores.submission import Input, unpack_input

_CONTEXT: Final = "__seltzer_context"  # keys of the JSON in `configurable`
_LABELS: Final = "__seltzer_labels"
_FROM_MESSAGE: Final = "__seltzer_from_message"
_IS_EDIT: Final = "__seltzer_is_edit"


class Row(Protocol):
    """A row, by its columns' names."""

    def __getitem__(self, name: str, /) -> Any: ...


def pack_config(spec: RunSpec) -> bytes:
    """Return a run's options besides its input, in one JSON: no key of configurable begins so."""
    packed, labels = dict(spec.configurable), spec.labels
    if spec.context is not None:
        packed[_CONTEXT] = spec.context
    if labels != Labels():
        packed[_LABELS] = [labels.tags, labels.metadata, labels.run_name]
    if spec.from_message is not None:
        packed[_FROM_MESSAGE] = spec.from_message
    if spec.is_edit:
        packed[_IS_EDIT] = True
    return dumps(packed)


def pack(value: object) -> bytes | None:
    """Return the value as JSON; None as it is."""
    return None if value is None else dumps(value)


def pack_last(last: Event) -> bytes:
    """Return a terminal event as JSON."""
    return dumps([*last])


def pack_line(event: Event) -> bytes:
    """Return the event as a line of the log, `seq kind@at json`; without `@at` if that isn't known."""
    _, seq, kind, data, at = event
    head = f"{seq} {kind} " if at is None else f"{seq} {kind}@{at} "
    return head.encode() + dumps(data)


def unpack_line(attempt: int, line: bytes) -> Event:
    """Return the event of a line of the attempt's log."""
    seq, kind, data = line.split(b" ", 2)
    name, _, at = kind.decode().partition("@")
    return Event(attempt, int(seq), name, orjson.loads(data), int(at) if at else None)  # type: ignore[arg-type]  # was a Kind


def to_run(row: Row, created_at: datetime) -> Run:
    """Return the run of a row."""
    config = orjson.loads(row["configurable"])
    context, (tags, metadata, name) = config.pop(_CONTEXT, None), config.pop(_LABELS, ((), {}, ""))
    from_message, is_edit = config.pop(_FROM_MESSAGE, None), config.pop(_IS_EDIT, False)
    spec = RunSpec(
        graph=row["graph"],
        input=unpack_input(Input(row["input_type"], row["input"])),
        thread_id=row["thread_id"],
        run_id=row["run_id"],
        attached=bool(row["attached"]),
        max_steps=row["max_steps"],
        configurable=config,
        context=context,
        labels=Labels(tuple(tags), metadata, name),
        on_busy=row["on_busy"],
        answers=_unpack(row["answers"]),
        checkpoint_id=row["checkpoint_id"],
        from_message=from_message,
        is_edit=is_edit,
        digest=row["digest"],
        title=row["title"],
        owner=row["owner"],
    )
    return Run(
        spec=spec,
        status=row["status"],
        attempt=row["attempt"],
        crashes=row["crashes"],
        number=row["number"],
        created_at=created_at,
        last=to_last(row),
        output=_unpack(row["output"]),
    )


def to_status(row: Row) -> RunStatus:
    """Return how far the run of a row is."""
    return RunStatus(row["status"], row["attempt"], to_last(row))


def to_last(row: Row) -> Event | None:
    """Return the terminal event of the run of a row."""
    return None if row["last"] is None else Event(*orjson.loads(row["last"]))


def pack_stats(stats: AttemptStats | None) -> bytes | None:
    """Return the stats as JSON; None as it is."""
    if stats is None:
        return None
    return dumps([stats.duration_ms, stats.first_token_ms, stats.tokens, stats.usage])


def to_summary(
    row: Row, created_at: datetime, started_at: datetime | None, ended_at: datetime | None
) -> RunSummary:
    """Return the run of a row, for a list."""
    stats = _unpack(row["stats"])
    return RunSummary(
        run_id=row["run_id"],
        graph=row["graph"],
        thread_id=row["thread_id"],
        number=row["number"],
        status=row["status"],
        attempt=row["attempt"],
        created_at=created_at,
        started_at=started_at,
        ended_at=ended_at,
        last=to_last(row),
        stats=None if stats is None else AttemptStats(*stats),
    )


def _unpack(body: bytes | None) -> Any:
    return None if body is None else orjson.loads(body)
