"""Who counts as dead, by what looks at the locks and the leases have shown."""

from datetime import UTC, datetime, timedelta

import pytest

from seltzer.stores.postgres.processes.liveness import GONE_S, Liveness

UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
LATER = UNTIL + timedelta(seconds=3)
ONE, OTHER = 1, 2


@pytest.fixture
def liveness() -> Liveness:
    """Of two processes that both have runs, and were both seen."""
    liveness = Liveness()
    liveness.look(0.0, [ONE, OTHER], {ONE: UNTIL, OTHER: UNTIL})
    return liveness


def test_a_process_without_its_lock_is_gone_after_a_while(liveness: Liveness) -> None:
    liveness.look(1.0, [OTHER], {ONE: UNTIL, OTHER: UNTIL})
    assert liveness.gone == {}
    liveness.look(1.0 + GONE_S / 2, [OTHER], {ONE: UNTIL, OTHER: UNTIL})
    assert liveness.gone == {}

    liveness.look(1.0 + GONE_S, [OTHER], {ONE: UNTIL, OTHER: UNTIL})

    assert liveness.gone == {ONE: UNTIL}


@pytest.mark.parametrize("looks", [1, 2, 50])
def test_a_connection_that_is_back_in_time_was_no_death(liveness: Liveness, looks: int) -> None:
    for n in range(looks):
        liveness.look(1.0 + GONE_S * n / looks, [OTHER], {ONE: UNTIL, OTHER: UNTIL})
    liveness.look(1.0 + GONE_S, [ONE, OTHER], {ONE: UNTIL, OTHER: UNTIL})

    assert liveness.gone == {}
    liveness.look(9.0, [OTHER], {ONE: UNTIL, OTHER: UNTIL})
    assert liveness.gone == {}  # missing anew, from now on


def test_who_renews_without_a_lock_is_alive(liveness: Liveness) -> None:
    liveness.look(1.0, [OTHER], {ONE: UNTIL, OTHER: UNTIL})
    for now_s in (1.0 + GONE_S, 50.0):
        liveness.look(now_s, [OTHER], {ONE: LATER, OTHER: UNTIL})
        assert liveness.gone == {}

    liveness.look(60.0, [ONE, OTHER], {ONE: LATER, OTHER: UNTIL})  # until it is seen again
    liveness.look(61.0, [OTHER], {ONE: LATER, OTHER: UNTIL})
    liveness.look(62.0, [OTHER], {ONE: LATER, OTHER: UNTIL})
    assert liveness.gone == {ONE: LATER}


def test_who_has_handed_its_runs_back_isnt_missed(liveness: Liveness) -> None:
    for now_s in (1.0, 2.0):
        liveness.look(now_s, [OTHER], {OTHER: UNTIL})

    assert liveness.gone == {}


def test_who_was_never_seen_alive_isnt_missed() -> None:
    liveness = Liveness()
    for now_s in (1.0, 2.0):
        liveness.look(now_s, [OTHER], {ONE: UNTIL})

    assert liveness.gone == {}


def test_a_restart_of_the_database_is_nobodys_death(liveness: Liveness) -> None:
    liveness.look(1.0, [OTHER], {ONE: UNTIL})
    liveness.look(2.0, [OTHER], {ONE: UNTIL})
    liveness.forget()
    assert liveness.gone == {}

    for now_s in (3.0, 4.0):
        liveness.look(now_s, [], {ONE: UNTIL, OTHER: UNTIL})
        assert liveness.gone == {}


def test_the_next_look_comes_when_somebody_may_be_gone(liveness: Liveness) -> None:
    assert liveness.next_look_s(0.0, 0.1) == 0.1
    liveness.look(1.0, [OTHER], {ONE: UNTIL})
    assert liveness.next_look_s(1.0, 1e6) == pytest.approx(GONE_S)
    assert liveness.next_look_s(1.0, GONE_S / 2) == GONE_S / 2

    liveness.look(1.0 + GONE_S, [OTHER], {ONE: UNTIL})
    assert liveness.next_look_s(9.0, 0.1) == 0.1
