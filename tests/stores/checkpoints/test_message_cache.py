"""The cache of messages: what it returns, what invalidates a message, and what is evicted."""

import pytest
from langchain_core.messages import HumanMessage

from seltzer.stores.checkpoints.message_cache import LISTS_A_THREAD, MessageCache


def test_a_message_that_a_node_returned_is_not_returned_again() -> None:
    cache, reader = MessageCache(), object()
    messages = [HumanMessage(f"{n}", id=f"{n}") for n in range(3)]
    cache.add(reader, "t", ((1, 4),), messages, 0)

    (cached,) = cache.lists(reader, "t")
    cached.invalidate([messages[1]])

    assert cache.look_up(reader, "t", ((1, 4),)) == ([messages[0], 2, messages[2]], 0)
    assert cache.look_up(object(), "t", ((1, 2),)) == ([1], 0)
    assert cache.look_up(reader, "other", ((1, 2),)) == ([1], 0)


def test_the_cached_lists_of_a_thread_are_few_and_evicted_by_their_messages() -> None:
    cache, reader = MessageCache(), object()
    lists = {n: [HumanMessage(f"{n}")] for n in range(1, LISTS_A_THREAD + 3)}
    for number, messages in lists.items():
        cache.add(reader, "t", ((number, number + 1),), messages, 0)
    *_, before, last = lists

    cache.evict("t", [last])

    assert cache.look_up(reader, "t", ((before, before + 1),)) == (lists[before], 1)
    assert cache.look_up(reader, "t", ((last, last + 1),)) == ([last], 0)
    assert cache.count == len(cache.lists(reader, "t")) == LISTS_A_THREAD - 1


def test_a_cached_list_that_was_continued_is_found_by_any_part() -> None:
    cache, reader = MessageCache(), object()
    messages = [HumanMessage(f"{n}") for n in range(4)]
    spans = ((7, 9), (3, 5))
    cache.add(reader, "t", ((7, 9),), messages[:2], 0)
    (cached,) = cache.lists(reader, "t")
    assert cached.number_of(messages[1]) == 8
    assert 8 in cached.by_number

    cache.add(reader, "t", spans, messages, 0)

    assert [cached.number_of(each) for each in messages] == [7, 8, 3, 4] == list(cached.by_number)
    assert cache.look_up(reader, "t", ((7, 9), (3, 4))) == (messages[:3], 3)
    assert cache.look_up(reader, "t", (*spans, (1, 2))) == ([*messages, 1], 4)
    assert cache.look_up(reader, "t", ((3, 5),)) == (messages[2:], 0)
    assert cache.count == 4


@pytest.mark.parametrize(("count", "size_bytes"), [(9, 10), (1, 2_000)])
def test_the_thread_that_was_used_last_stays_however_long_it_is(count: int, size_bytes: int) -> None:
    cache, reader = MessageCache(limit=5, limit_bytes=1_000), object()
    cache.add(reader, "a", ((1, 2),), [HumanMessage("a")], 10)

    cache.add(reader, "b", ((1, count + 1),), [HumanMessage("b")] * count, size_bytes)

    assert [len(cache.lists(reader, thread_id)) for thread_id in "ab"] == [0, 1]
    cache.add(reader, "c", ((1, 2),), [HumanMessage("c")], 10)
    assert [len(cache.lists(reader, thread_id)) for thread_id in "bc"] == [0, 1]


def test_a_conversation_stays_whatever_inputs_are_read_beside_it() -> None:
    cache, reader = MessageCache(), object()
    messages = [HumanMessage(f"{n}") for n in range(20)]
    cache.add(reader, "t", ((1, 11),), messages[:10], 10)

    for number in range(11, 20):
        cache.add(reader, "t", ((number, number + 1),), messages[number - 1 : number], 1)

    found, count = cache.look_up(reader, "t", ((1, 11),))
    assert (count, all(mine is other for mine, other in zip(found, messages, strict=False))) == (10, True)
    assert cache.look_up(reader, "t", ((19, 20),))[0] == [messages[18]]  # the newest one, too


def test_the_least_recently_used_threads_are_evicted_beyond_a_limit() -> None:
    cache, reader = MessageCache(limit=5, limit_bytes=1_000), object()
    messages = [HumanMessage(f"{n}") for n in range(4)]
    cache.add(reader, "a", ((1, 3),), messages[:2], 300)
    cache.add(reader, "b", ((1, 3),), messages[:2], 300)
    cache.add(reader, "a", ((1, 4),), messages[:3], 300)

    cache.add(reader, "c", ((1, 2),), messages[:1], 10)  # one message too many

    assert [len(cache.lists(reader, thread_id)) for thread_id in "abc"] == [1, 0, 1]
    assert (cache.count, cache.size_bytes) == (4, 610)

    cache.add(reader, "d", ((1, 2),), messages[:1], 500)  # some bytes too many

    assert [len(cache.lists(reader, thread_id)) for thread_id in "acd"] == [0, 1, 1]
    assert (cache.count, cache.size_bytes) == (2, 510)

    cache.evict("c")
    cache.evict("d")

    assert (cache.count, cache.size_bytes) == (0, 0)
