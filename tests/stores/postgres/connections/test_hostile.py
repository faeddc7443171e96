"""Payloads and addresses that nobody of ours has made, and cursors past what a column can have."""

import pytest

from seltzer.cursor import Cursor
from seltzer.errors import LoadError
from seltzer.runs.ports import ANYTHING, Wake
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.processes.presence import Presence, wake_of
from tests.stores.opened import Opened


@pytest.mark.parametrize(
    "payload", ["hello", "", "1 [", "1 {}", "1 [[], true]", "1 [[], true, false, 4]", "1 7"]
)
def test_a_hint_that_cannot_be_read_may_mean_anything(payload: str) -> None:
    assert wake_of(payload) == ANYTHING


def test_a_hint_is_read_as_it_was_sent() -> None:
    wake = Wake(["r1", "r2"], has_stops=True)

    assert wake_of(Presence(None).payload(wake)) == wake


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:pa/ss@db.example/agents",
        "postgresql://ada:p@ss/word@db.example/agents",
        "postgresql://ada:pass/w@rd@db.example:5433/agents",
        "host=db.example password=se cret dbname=agents",
    ],
)
def test_a_password_with_signs_that_are_not_escaped_is_in_no_text(url: str) -> None:
    with pytest.raises(LoadError) as refused:
        parse(url)

    for secret in ("pa/ss", "ss@", "word", "w@rd", "cret", "pass"):
        assert secret not in str(refused.value).replace("password", "").replace("PASSWORD", "")


@pytest.mark.anyio
@pytest.mark.parametrize("opened", ["postgres"], indirect=True)
async def test_a_cursor_past_all_numbers_has_nothing_after_it(opened: Opened) -> None:
    assert await opened.event_log.read({"r": Cursor(1, 99_999_999_999), "s": Cursor(99_999_999_999, 1)}) == {}
