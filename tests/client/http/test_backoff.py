"""How long to wait before asking again."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from seltzer.client.http.backoff import LONGEST_WAIT_S, Patience


def test_waits_double_up_to_two_seconds() -> None:
    patience = Patience(60, lambda: 0)

    assert [patience.wait_s(0) for _ in range(7)] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_success_resets_it() -> None:
    patience = Patience(60, lambda: 0)
    patience.wait_s(0)
    patience.wait_s(59)

    patience.succeeded()

    assert not patience.is_tried
    assert patience.wait_s(100) == 0.1
    assert patience.is_tried


def test_the_last_try_is_at_the_limit_and_then_it_gives_up() -> None:
    patience = Patience(1.0, lambda: 0)
    patience.wait_s(10)

    assert patience.wait_s(10.95) is not None
    assert patience.wait_s(11.0) is None


def test_no_patience_is_no_try() -> None:
    assert Patience(0, lambda: 0).wait_s(5) is None


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 5))
def test_the_server_is_never_retried_sooner_than_it_allows(chances: list[float], least_s: float) -> None:
    left = itertools.cycle(chances)
    patience = Patience(1e9, lambda: next(left))

    for _ in range(1100):
        wait_s = patience.wait_s(0, least_s)
        assert wait_s is not None
        assert least_s <= wait_s <= max(LONGEST_WAIT_S, 1.25 * least_s)
