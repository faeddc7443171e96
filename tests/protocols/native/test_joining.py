"""A log whose pieces are joined has all that is in the log."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from seltzer.cursor import Cursor
from seltzer.protocols.native.joining import joined
from seltzer.runs.event import Event

LOGS = sorted((Path(__file__).parents[2] / "golden").glob("*.jsonl"))
PIECES = ("token", "reasoning", "tool_call")


def read(log: Path) -> list[Event]:
    """Return the events of a golden log's first run, each a millisecond after the other."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    events = [each for each in lines if each.get("run") == 1 and "id" in each]
    return [
        Event(*Cursor.parse(each["id"]), each["kind"], each["data"], at) for at, each in enumerate(events)
    ]


def written(events: Iterable[Event]) -> dict[Any, str]:
    """Return what was written of each text and call."""
    found: dict[Any, str] = defaultdict(str)
    for event in events:
        if event.kind in PIECES:
            place = [event.data.get(name) for name in ("message_id", "channel", "index")]
            for name in ("text", "name", "args", "call_id"):
                found[(event.kind, *place, name)] += event.data.get(name) or ""
    return found


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_nothing_is_lost_and_what_comes_in_one_piece_is_as_it_was(log: Path) -> None:
    events = read(log)

    found = joined(events)

    assert written(found) == written(events)
    assert [each for each in found if each.kind not in PIECES] == [
        each for each in events if each.kind not in PIECES
    ]
    assert [each.cursor for each in found] == sorted({each.cursor for each in found})
    assert found[-1] == events[-1]
    assert joined(found) == found


def test_pieces_between_which_something_else_came_stay_apart() -> None:
    def token(seq: int, message_id: str, text: str) -> Event:
        return Event(1, seq, "token", {"message_id": message_id, "text": text, "channel": "answer"}, seq)

    one, two, three, four = (token(1, "a", "A"), token(2, "a", "B"), token(3, "b", "C"), token(4, "a", "D"))
    again = four._replace(attempt=2)

    assert joined([one, two, three, four, again]) == [
        token(2, "a", "AB")._replace(at=1),
        three,
        four,
        again,
    ]
    assert joined([]) == []
