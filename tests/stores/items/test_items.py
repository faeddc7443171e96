"""One exam for every store that graphs share: what a graph does works on each of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore, PutOp

from seltzer.errors import RunFailed, StorageClosed
from seltzer.stores.options import IndexOptions, StoreOptions, TtlOptions
from tests.stores.items.opened import ITEMS

pytestmark = pytest.mark.anyio

USER = ("users", "ada")
Open = Callable[[StoreOptions | None], AbstractAsyncContextManager[BaseStore]]


@pytest.fixture(params=list(ITEMS))
def open_items(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return partial(ITEMS[request.param], tmp_path)


@pytest.fixture
async def items(open_items: Open) -> AsyncIterator[BaseStore]:
    async with open_items(None) as opened:
        yield opened


async def keys(items: BaseStore, *prefix: str, **how: Any) -> set[str]:
    return {each.key for each in await items.asearch(prefix, **how)}


async def test_an_item_is_put_found_replaced_and_deleted(items: BaseStore) -> None:
    await items.aput(USER, "likes", {"tea": True})
    await items.aput(USER, "likes", {"tea": False, "rain": ["a", 1, 2.5, None, {"é": "☕"}]})

    found = await items.aget(USER, "likes")
    await items.adelete(USER, "likes")

    assert found is not None
    assert (found.namespace, found.key) == (USER, "likes")
    assert found.value == {"tea": False, "rain": ["a", 1, 2.5, None, {"é": "☕"}]}
    assert found.created_at <= found.updated_at
    assert await items.aget(USER, "likes") is None


async def test_a_search_is_in_a_namespace_and_below(items: BaseStore) -> None:
    for namespace in (USER, (*USER, "notes"), ("users", "adam"), ("user_", "ada"), ("userX", "ada")):
        await items.aput(namespace, "-".join(namespace), {})

    assert await keys(items, *USER) == {"users-ada", "users-ada-notes"}
    assert await keys(items, "user_") == {"user_-ada"}
    assert len(await keys(items)) == 5
    assert len(await keys(items, limit=2)) == len(await keys(items, limit=9, offset=3)) == 2


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"n": 10}, ["ten"]),
        ({"n": {"$eq": 9}}, ["nine"]),
        ({"n": {"$ne": 9}}, ["ten", "half"]),
        ({"n": {"$gt": 9}}, ["ten"]),
        ({"n": {"$gte": 9}}, ["nine", "ten"]),
        ({"n": {"$lt": 9}}, ["half"]),
        ({"n": {"$lte": 9.0}}, ["nine", "half"]),
        ({"n": {"$gt": 0.25, "$lt": 9}}, ["half"]),
        ({"color": "red", "n": {"$gt": 1}}, ["ten"]),
        ({"color": {"$gt": "green"}}, ["ten"]),
        ({"color": "' OR 1=1 --"}, []),
        ({"is_hot": True}, ["nine"]),
        ({"none": None}, ["half"]),
    ],
    ids=str,
)
async def test_a_filter_compares(items: BaseStore, wanted: dict[str, Any], expected: list[str]) -> None:
    for key, value in {
        "nine": {"n": 9, "color": "blue", "is_hot": True, "none": 0},
        "ten": {"n": 10, "color": "red", "is_hot": False, "none": 0},
        "half": {"n": 0.5, "color": "blue", "none": None},
    }.items():
        await items.aput(USER, key, value)

    assert await keys(items, *USER, filter=wanted) == {*expected}


async def test_namespaces_are_listed_by_their_parts(items: BaseStore) -> None:
    for namespace in (USER, (*USER, "notes"), ("users", "bob", "notes"), ("docs",)):
        await items.aput(namespace, "k", {})

    assert await items.alist_namespaces(prefix=("users",)) == [
        USER,
        (*USER, "notes"),
        ("users", "bob", "notes"),
    ]
    assert await items.alist_namespaces(prefix=("users", "*", "notes")) == [
        (*USER, "notes"),
        ("users", "bob", "notes"),
    ]
    assert await items.alist_namespaces(suffix=("notes",), limit=1) == [(*USER, "notes")]
    assert await items.alist_namespaces(max_depth=1) == [("docs",), ("users",)]


async def test_a_batch_answers_in_its_order(items: BaseStore) -> None:
    await items.abatch([PutOp(USER, str(n), {"n": n}) for n in range(300)])

    assert len(await keys(items, *USER, limit=1000)) == 300


async def test_a_thread_uses_the_verbs_without_an_a(items: BaseStore) -> None:
    def work() -> tuple[Any, list[Any], list[Any], Any]:
        items.put(USER, "likes", {"n": 1})
        found = items.get(USER, "likes"), items.search(USER, filter={"n": 1}), items.list_namespaces()
        items.delete(USER, "likes")
        return *found, items.get(USER, "likes")

    got, searched, namespaces, gone = await asyncio.to_thread(work)

    assert got.value == {"n": 1}
    assert [each.key for each in searched] == ["likes"]
    assert namespaces == [USER]
    assert gone is None


@pytest.mark.parametrize(
    ("verb", "arguments", "awaited"),
    [
        ("get", (USER, "likes"), "aget"),
        ("put", (USER, "likes", {"tea": True}), "aput"),
        ("delete", (USER, "likes"), "aput"),
        ("search", (USER,), "asearch"),
        ("list_namespaces", (), "alist_namespaces"),
    ],
)
async def test_a_call_in_the_event_loop_raises_with_what_to_await(
    items: BaseStore, verb: str, arguments: tuple[Any, ...], awaited: str
) -> None:
    with pytest.raises(RunFailed, match=rf"await store\.{awaited}\(") as raised:
        getattr(items, verb)(*arguments)

    assert raised.value.code == "graph_error"


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        {"text": "x" * 1_000_000},
        nested(200),
        {"escaped": r"\u0000", "signs": "'\";--%s {} \u2028\x1b\x7f"},
        {"": {"": ""}, "a.b": 1, "$": 2},
        {"n": 2**63 - 1, "m": -(2**63), "f": 1e-300, "many": list(range(10_000))},
        {},
    ],
    ids=["long", "deep", "escaped", "keys", "numbers", "empty"],
)
async def test_a_value_comes_back_as_it_was_put(items: BaseStore, value: dict[str, Any]) -> None:
    await items.aput(USER, "k", value)

    found = await items.aget(USER, "k")

    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    ("namespace", "key", "value", "why"),
    [
        (USER, "k", {"a": ["x\0"]}, "NUL"),
        (USER, "k", {"a\0": 1}, "NUL"),
        (USER, "k\0", {}, "NUL"),
        (USER, "k", {"a": "\ud800"}, "surrogates"),
        (USER, "\ud800", {}, "surrogate"),
        (USER, "k", {"a": {1, 2}}, "set"),
        (USER, "k", {"a": object()}, "object"),
        (USER, "k", {1: 2}, "key"),
        (USER, "k", {"a": 2**64}, "64-bit"),
        (USER, "k", nested(3000), "isn't JSON"),
        (USER, "k", ["a"], "JSON object"),
        (USER, "k" * 3000, {}, "longer than"),
        (("n" * 3000,), "k", {}, "longer than"),
    ],
    ids=lambda value: ascii(value)[:20] if isinstance(value, str | tuple) else type(value).__name__,
)
async def test_what_no_store_can_keep_is_refused_by_each(
    items: BaseStore, namespace: tuple[str, ...], key: Any, value: Any, why: str
) -> None:
    with pytest.raises(RunFailed, match=why) as raised:
        await items.aput(namespace, key, value)

    assert (raised.value.code, raised.value.retryable) == ("graph_error", False)
    assert len(str(raised.value)) < 400
    assert await keys(items) == set()


@pytest.mark.parametrize("wanted", [{"a": "\0"}, {"a": {1}}, {"a": {"$eq": "\ud800"}}], ids=ascii)
async def test_a_filter_that_no_store_understands_is_refused(
    items: BaseStore, wanted: dict[str, Any]
) -> None:
    with pytest.raises(RunFailed, match="filter"):
        await items.asearch(USER, filter=wanted)


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [[float("tea" in text), int("rain" in text)] for text in texts]


async def aembed(texts: Sequence[str]) -> list[list[float]]:
    return embed(texts)


class TestByMeaning:
    @pytest.mark.parametrize("how", [embed, aembed])
    async def test_the_nearest_of_the_namespace_is_first(self, open_items: Open, how: Any) -> None:
        async with open_items(StoreOptions(IndexOptions(how, dims=2, fields=["text"]))) as items:
            await items.aput(USER, "drink", {"text": "tea, no milk"})
            await items.aput(USER, "weather", {"text": "rain again", "n": 1})
            await items.aput(USER, "unseen", {"text": "tea"}, index=False)
            await items.aput(USER, "title", {"title": "tea", "text": "rain"}, index=["title"])
            await items.aput(USER, "other", {"title": "tea"})
            await items.abatch([PutOp(("users", "bob"), str(n), {"text": "tea"}) for n in range(100)])

            found = await items.asearch(USER, query="what tea?")
            filtered = await items.asearch(USER, query="what tea?", filter={"n": 1})

        assert [each.key for each in found][2:] == ["weather"]
        assert {each.key for each in found} == {"drink", "title", "weather"}
        assert [each.score for each in found] == pytest.approx([1, 1, 0])
        assert [each.key for each in filtered] == ["weather"]

    async def test_a_replaced_or_deleted_item_is_found_by_its_new_text_alone(self, open_items: Open) -> None:
        async with open_items(StoreOptions(IndexOptions(embed, dims=2))) as items:
            await items.aput(USER, "a", {"text": "tea"})
            await items.aput(USER, "a", {"text": "rain"})
            await items.aput(USER, "b", {"text": "rain"})
            await items.adelete(USER, "b")

            (found,) = await items.asearch(USER, query="tea")

        assert found.key == "a"
        assert found.score == pytest.approx(0)

    async def test_a_model_that_fails_fails_as_itself(self, open_items: Open) -> None:
        def broken(texts: Sequence[str]) -> list[list[float]]:
            raise ZeroDivisionError

        async with open_items(StoreOptions(IndexOptions(broken, dims=2))) as items:
            with pytest.raises(ZeroDivisionError):
                await items.aput(USER, "a", {"text": "tea"})


class TestExpiry:
    async def test_an_item_expires_unless_it_is_put_for_ever(self, open_items: Open) -> None:
        async with open_items(StoreOptions(ttl=TtlOptions(default_ttl=60.0))) as items:
            await items.aput(USER, "later", {})
            await items.aput(USER, "never", {}, ttl=None)
            await items.aput(USER, "soon", {}, ttl=0.001)
            await items.aget(USER, "soon")

            assert await keys(items, *USER) == {"later", "never", "soon"}


async def test_a_closed_store_raises(open_items: Open) -> None:
    async with open_items(None) as items:
        await items.aput(USER, "likes", {"tea": True})

    with pytest.raises(StorageClosed):
        await items.aget(USER, "likes")
