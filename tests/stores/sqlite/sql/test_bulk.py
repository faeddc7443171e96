"""Rows cut into statements of few different lengths."""

from hypothesis import given
from hypothesis import strategies as st

from seltzer.stores.sqlite.sql.bulk import ROWS_A_STATEMENT, batches


@given(st.integers(0, 3000))
def test_every_row_is_in_one_batch_and_in_its_order(count: int) -> None:
    rows = range(count)

    assert [row for some in batches(rows) for row in some] == list(rows)


def test_any_number_of_rows_needs_only_a_few_different_statements() -> None:
    lengths = {len(some) for count in range(3000) for some in batches(range(count))}

    assert lengths == {1, 2, 4, 8, 16, 32, 64, 128, ROWS_A_STATEMENT}
