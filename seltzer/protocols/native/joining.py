"""A log's pieces of texts and calls -> one event for each row of them."""

from collections.abc import Hashable, Sequence
from itertools import groupby
from typing import Final

from seltzer.runs.event import Event, Json

_SAME: Final = {  # kinds that come in pieces -> what pieces of the same text or call have in common
    "token": ("message_id", "channel"),
    "reasoning": ("message_id",),
    "tool_call": ("message_id", "index"),
}
_ADDED: Final = ("text", "args", "name")


def joined(events: Sequence[Event]) -> list[Event]:
    """Return the events, with pieces that follow one another as one event.

    It has the first piece's time, and the last one's id: the log can be read on from there.
    """
    return [_join([*pieces]) for _, pieces in groupby(events, key=_row)]


def _row(event: Event) -> Hashable:
    same = _SAME.get(event.kind)
    if same is None:
        return event.cursor
    return (event.attempt, event.kind, *(event.data[name] for name in same))


def _join(pieces: Sequence[Event]) -> Event:
    first, last = pieces[0], pieces[-1]
    if first is last:
        return first
    data = {**first.data, **{name: _added(pieces, name) for name in _ADDED if name in first.data}}
    if first.kind == "tool_call":
        given = (each.data["call_id"] for each in pieces)
        data["call_id"] = next((call_id for call_id in given if call_id is not None), None)
    return first._replace(seq=last.seq, data=data)


def _added(pieces: Sequence[Event], name: str) -> Json:
    given = [each.data[name] for each in pieces if each.data[name] is not None]
    return "".join(given) if given else None
