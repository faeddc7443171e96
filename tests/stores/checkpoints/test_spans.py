"""Lists as spans: they are the lists that they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from seltzer.stores.checkpoints import spans

numbers = st.lists(st.integers(1, 12), max_size=12)
ranges = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 5)).map(lambda n: (n[0], n[0] + n[1])))


@given(numbers)
def test_a_list_is_read_as_it_was_written(given: list[int]) -> None:
    packed = spans.spans_of(given)

    (read,) = spans.loads(spans.dumps([(("channel_values", "\ud800"), packed)])).values()

    assert list(spans.numbers_of(read)) == given
    assert spans.count(read) == len(given)


@given(numbers, numbers)
def test_a_list_starts_with_another_one_as_lists_do(given: list[int], other: list[int]) -> None:
    for prefix in (other, given[: len(other)]):
        packed, of_prefix = spans.spans_of(given), spans.spans_of(prefix)
        starts = given[: len(prefix)] == prefix

        assert spans.starts_with(packed, of_prefix) == starts
        if starts:
            assert list(spans.numbers_of(spans.after(packed, of_prefix))) == given[len(prefix) :]


@given(numbers, numbers)
def test_lists_are_joined_as_lists_are(given: list[int], other: list[int]) -> None:
    both = (*spans.spans_of(given), *spans.spans_of(other))

    assert spans.joined(both) == spans.spans_of([*given, *other])


@given(ranges, ranges)
def test_what_some_lists_have_and_others_have_not(
    given: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    found = spans.difference(given, others)

    assert list(spans.numbers_of(found)) == sorted(
        set(spans.numbers_of(given)) - set(spans.numbers_of(others))
    )


def test_a_list_that_only_grows_is_one_span_however_long_it_is() -> None:
    assert spans.spans_of(range(1, 100_001)) == ((1, 100_001),)
    assert len(spans.dumps([(("channel_values", "messages"), ((1, 100_001),))])) < 60


def test_a_value_without_lists_has_none() -> None:
    assert spans.loads(None) == {}
