"""Ids that nobody has named: each is one of a kind, and higher than those before it."""

from seltzer.runs.ids import new_id
from seltzer.runs.thread import check_thread_id


def test_ids_grow_and_no_two_are_the_same() -> None:
    ids = [new_id() for _ in range(10_000)]

    assert ids == sorted(set(ids))


def test_an_id_can_name_a_thread() -> None:
    new = new_id()

    assert check_thread_id(new, "thread_id") == new
    assert len(new) == 36
