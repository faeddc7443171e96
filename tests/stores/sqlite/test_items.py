"""The store that graphs share: kept across restarts, opened by its first use, set by langgraph.json."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore
from sqlite_vec import serialize_float32

from seltzer.errors import LoadError, StorageFailed
from seltzer.stores.open import open_stores
from seltzer.stores.options import IndexOptions, StoreOptions, TtlOptions
from seltzer.stores.sqlite.files import ITEMS_FILE_NAME
from seltzer.stores.sqlite.items import cosine_distance

USER = ("users", "ada")
caller: ContextVar[str] = ContextVar("caller", default="nobody")


@asynccontextmanager
async def open_items(folder: Path, options: StoreOptions | None = None) -> AsyncIterator[BaseStore]:
    async with open_stores(folder, store=options) as stores:
        assert stores.items is not None
        yield stores.items


@pytest.mark.anyio
async def test_an_item_survives_a_restart(tmp_path: Path) -> None:
    async with open_items(tmp_path) as items:
        await items.aput(USER, "likes", {"tea": True})

    async with open_items(tmp_path) as items:
        item = await items.aget(USER, "likes")

        assert item is not None
        assert item.value == {"tea": True}
        assert [each.key for each in await items.asearch(("users",))] == ["likes"]
        assert await items.alist_namespaces() == [USER]


@pytest.mark.anyio
async def test_a_store_that_no_graph_uses_has_no_file(tmp_path: Path) -> None:
    async with open_items(tmp_path):
        assert not (tmp_path / ITEMS_FILE_NAME).exists()

    assert not (tmp_path / ITEMS_FILE_NAME).exists()


@pytest.mark.anyio
async def test_many_first_uses_at_once_open_it_once(tmp_path: Path) -> None:
    async with open_items(tmp_path) as items:
        await asyncio.gather(*(items.aput(USER, str(n), {"n": n}) for n in range(20)))

        assert len(await items.asearch(USER, limit=50)) == 20


@pytest.mark.anyio
async def test_it_inherits_nothing_of_its_first_users_context(tmp_path: Path) -> None:
    has_leaked = []

    def make_task(loop: Any, coroutine: Any, *, context: Context | None = None, **kwargs: Any) -> Any:
        has_leaked.append(caller in (copy_context() if context is None else context))
        return asyncio.Task(coroutine, loop=loop, context=context, **kwargs)

    async with open_items(tmp_path) as items:
        caller.set("the first run")
        asyncio.get_running_loop().set_task_factory(make_task)
        await items.aput(USER, "likes", {"text": "tea"})
        asyncio.get_running_loop().set_task_factory(None)

    assert has_leaked
    assert not any(has_leaked)


@pytest.mark.anyio
@pytest.mark.parametrize("embed", ["cohere:embed-english-v3.0", "no-such-provider:x"])
async def test_an_embedding_model_that_cannot_be_loaded_is_a_load_error(tmp_path: Path, embed: str) -> None:
    with pytest.raises(LoadError, match=r"store\.index\.embed") as caught:
        async with open_items(tmp_path, StoreOptions(IndexOptions(embed, dims=2))):
            pass

    assert embed in str(caught.value)
    assert "pip install" in str(caught.value)


@pytest.mark.anyio
async def test_items_past_their_time_are_gone_after_a_restart(tmp_path: Path) -> None:
    options = StoreOptions(ttl=TtlOptions(default_ttl=60.0))
    async with open_items(tmp_path, options) as items:
        await items.aput(USER, "kept", {"n": 1})
        await items.aput(USER, "gone", {"n": 2}, ttl=-1.0)

    async with open_items(tmp_path, options) as items:
        assert [each.key for each in await items.asearch(USER)] == ["kept"]


@pytest.mark.anyio
async def test_a_damaged_file_is_named_when_it_is_used(tmp_path: Path) -> None:
    (tmp_path / ITEMS_FILE_NAME).write_bytes(b"no database" * 100)

    async with open_items(tmp_path) as items:
        with pytest.raises(StorageFailed):
            await items.aget(USER, "likes")


@pytest.mark.anyio
async def test_a_damaged_file_stops_the_start_where_it_is_opened_at_once(tmp_path: Path) -> None:
    (tmp_path / ITEMS_FILE_NAME).write_bytes(b"no database" * 100)

    with pytest.raises(LoadError, match=ITEMS_FILE_NAME):
        async with open_items(tmp_path, StoreOptions(ttl=TtlOptions())):
            pass


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [((1, 0), (2, 0), 0.0), ((1, 0), (0, 3), 1.0), ((1, 2), (-1, -2), 2.0), ((0, 0), (1, 1), None)],
)
def test_a_distance_is_that_of_the_extension(
    one: tuple[float, ...], other: tuple[float, ...], distance: float | None
) -> None:
    found = cosine_distance(serialize_float32(list(one)), serialize_float32(list(other)))

    assert found == (distance if distance is None else pytest.approx(distance))
