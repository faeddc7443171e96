"""The cache of messages: what it returns, what invalidates a message, and what is evicted."""

from langchain_core.messages import HumanMessage

from seltzer.stores.checkpoints.message_cache import LISTS_A_THREAD, REF_BYTES, MessageCache


def test_a_message_that_a_node_returned_is_not_returned_again() -> None:
    cache, reader = MessageCache(), object()
    messages = [HumanMessage(f"{n}", id=f"{n}") for n in range(3)]
    refs = [bytes([n]) * REF_BYTES for n in range(3)]
    cache.add(reader, "t", b"".join(refs), messages, 0)

    (cached,) = cache.lists(reader, "t")
    cached.invalidate([messages[1]])

    assert cache.look_up(reader, "t", b"".join(refs)) == ([messages[0], refs[1], messages[2]], 0)
    assert cache.look_up(object(), "t", refs[0]) == ([refs[0]], 0)
    assert cache.look_up(reader, "other", refs[0]) == ([refs[0]], 0)


def test_the_cached_lists_of_a_thread_are_few_and_evicted_by_their_refs() -> None:
    cache, reader = MessageCache(), object()
    lists = {bytes([n]) * REF_BYTES: [HumanMessage(f"{n}")] for n in range(LISTS_A_THREAD + 2)}
    for ref, messages in lists.items():
        cache.add(reader, "t", ref, messages, 0)
    *_, before, last = lists

    cache.evict("t", [last])

    assert cache.look_up(reader, "t", before) == (lists[before], 1)
    assert cache.look_up(reader, "t", last) == ([last], 0)
    assert cache.count == len(cache.lists(reader, "t")) == LISTS_A_THREAD - 1


def test_a_cached_list_that_was_continued_is_found_by_any_part() -> None:
    cache, reader = MessageCache(), object()
    messages = [HumanMessage(f"{n}") for n in range(4)]
    refs = [bytes([n]) * REF_BYTES for n in range(4)]
    cache.add(reader, "t", b"".join(refs[:2]), messages[:2], 0)
    (cached,) = cache.lists(reader, "t")
    assert cached.ref_of(messages[1]) == refs[1]
    assert refs[1] in cached.by_ref

    cache.add(reader, "t", b"".join(refs), messages, 0)

    assert [cached.ref_of(each) for each in messages] == refs == list(cached.by_ref)
    assert cache.look_up(reader, "t", b"".join(refs[:3])) == (messages[:3], 3)
    assert cache.look_up(reader, "t", b"".join([*refs, b"new" * 5 + b"!"])) == (
        [*messages, b"new" * 5 + b"!"],
        4,
    )
    assert cache.look_up(reader, "t", b"".join(refs[2:])) == (messages[2:], 0)
    assert cache.count == 4


def test_the_least_recently_used_threads_are_evicted_beyond_a_limit() -> None:
    cache, reader = MessageCache(limit=5, limit_bytes=1_000), object()
    refs = [bytes([n]) * REF_BYTES for n in range(4)]
    messages = [HumanMessage(f"{n}") for n in range(4)]
    cache.add(reader, "a", b"".join(refs[:2]), messages[:2], 300)
    cache.add(reader, "b", b"".join(refs[:2]), messages[:2], 300)
    cache.add(reader, "a", b"".join(refs[:3]), messages[:3], 300)

    cache.add(reader, "c", refs[0], messages[:1], 10)  # one message too many

    assert [len(cache.lists(reader, thread_id)) for thread_id in "abc"] == [1, 0, 1]
    assert (cache.count, cache.size_bytes) == (4, 610)

    cache.add(reader, "d", refs[0], messages[:1], 500)  # some bytes too many

    assert [len(cache.lists(reader, thread_id)) for thread_id in "acd"] == [0, 1, 1]
    assert (cache.count, cache.size_bytes) == (2, 510)

    cache.evict("c")
    cache.evict("d")

    assert (cache.count, cache.size_bytes) == (0, 0)
