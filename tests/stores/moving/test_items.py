"""What graphs have stored goes to Postgres and back: values, times to live, and vectors."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.store.base import BaseStore

from seltzer.errors import LoadError
from seltzer.stores.moving.into_folder import export_folder
from seltzer.stores.moving.into_postgres import import_folder
from seltzer.stores.options import IndexOptions, StoreOptions, TtlOptions
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.sqlite.files import ITEMS_FILE_NAME
from tests.stores.items.opened import open_at, open_sqlite
from tests.stores.postgres.conftest import url

__all__ = ["url"]  # a fixture

pytestmark = pytest.mark.anyio

USER = ("users", "ada")


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [[float("tea" in text), float("rain" in text)] for text in texts]


BY_MEANING = StoreOptions(IndexOptions(embed, dims=2, fields=["text"]))
VALUES: dict[str, Any] = {
    "drink": {"text": "tea", "n": 10, "deep": {"a": [1.5, None, "é☕"]}},
    "weather": {"text": "rain", "n": 9},
    "plain": {"n": "\\u0000 isn't one"},
}


async def put_all(items: BaseStore) -> None:
    for key, value in VALUES.items():
        await items.aput(USER, key, value, ttl=90 if key == "plain" else None)


async def read_all(items: BaseStore) -> tuple[dict[str, Any], list[str]]:
    everything = {each.key: each.value for each in await items.asearch(())}
    return everything, [each.key for each in await items.asearch(USER, query="tea")]


ALL = VALUES, ["drink", "weather"]


async def test_items_go_there_and_back(tmp_path: Path, url: str) -> None:
    async with open_sqlite(tmp_path / "first", BY_MEANING) as items:
        await put_all(items)
        put_at = (await items.asearch(USER, filter={"n": 10}))[0].updated_at

    there = await asyncio.to_thread(import_folder, tmp_path / "first", parse(url))
    async with open_at(url, BY_MEANING) as items:
        assert await read_all(items) == ALL
        moved_at = (await items.asearch(USER, filter={"n": {"$gt": 9}}))[0].updated_at
        await items.aput(USER, "drink", VALUES["drink"])  # an item that is moved can be replaced
    back = await asyncio.to_thread(export_folder, parse(url), tmp_path / "second")
    async with open_sqlite(tmp_path / "second", BY_MEANING) as items:
        assert await read_all(items) == ALL
        await items.adelete(USER, "drink")
        assert (await read_all(items))[1] == ["weather"]

    assert (there.items, there.vectors_left, back.items) == (3, 0, 3)
    assert moved_at.replace(tzinfo=None) == put_at.replace(tzinfo=None)
    with closing(sqlite3.connect(tmp_path / "second" / ITEMS_FILE_NAME)) as file:
        found = file.execute(
            "SELECT key, ttl_minutes, expires_at BETWEEN datetime('now', '+80 minutes')"
            " AND datetime('now', '+91 minutes') FROM store WHERE ttl_minutes NOTNULL"
        ).fetchall()
    assert found == [("plain", 90.0, 1)]


async def test_a_folder_without_items_becomes_one_without_them(tmp_path: Path, url: str) -> None:
    async with open_sqlite(tmp_path / "first"):
        pass

    await asyncio.to_thread(import_folder, tmp_path / "first", parse(url))
    moved = await asyncio.to_thread(export_folder, parse(url), tmp_path / "second")

    assert moved.items == 0
    assert not (tmp_path / "second" / ITEMS_FILE_NAME).exists()


async def test_an_item_that_is_there_already_stops_all(tmp_path: Path, url: str) -> None:
    async with open_sqlite(tmp_path / "first") as items:
        await put_all(items)
    async with open_at(url) as items:
        await items.aput(USER, "weather", {"n": 1})

    with pytest.raises(LoadError, match=r"weather.* already exists"):
        await asyncio.to_thread(import_folder, tmp_path / "first", parse(url))

    async with open_at(url) as items:
        assert [each.value for each in await items.asearch(())] == [{"n": 1}]


async def test_what_an_older_file_may_have_is_imported_or_named(tmp_path: Path, url: str) -> None:
    async with open_sqlite(tmp_path / "first") as items:
        await items.aput(USER, "k", {})
    insert = "INSERT INTO store (prefix, key, value, ttl_minutes) VALUES ('a', ?, ?, 0.5)"
    with closing(sqlite3.connect(tmp_path / "first" / ITEMS_FILE_NAME)) as file:
        file.execute(insert, ("nul", r'{"a": ["x\u0000y", "\\u0000"], "b\u0000": 1}'))
        file.commit()

    await asyncio.to_thread(import_folder, tmp_path / "first", parse(url))
    async with open_at(url, StoreOptions(ttl=TtlOptions())) as items:
        found = await items.aget(("a",), "nul")
    with closing(sqlite3.connect(tmp_path / "first" / ITEMS_FILE_NAME)) as file:
        file.execute(insert, ("long" * 2000, "{}"))
        file.commit()
    with pytest.raises(LoadError, match="longer than 2,000 bytes") as raised:
        await asyncio.to_thread(import_folder, tmp_path / "first", parse(url))

    assert found is not None
    assert found.value == {"a": ["x\ufffdy", r"\u0000"], "b\ufffd": 1}
    assert len(str(raised.value)) < 500


async def test_vectors_of_another_model_than_the_databases_stop_all(tmp_path: Path, url: str) -> None:
    def of_three(texts: Sequence[str]) -> list[list[float]]:
        return [[1.0, 0.0, 0.0] for _ in texts]

    async with open_sqlite(tmp_path / "first", BY_MEANING) as items:
        await put_all(items)
    async with open_at(url, StoreOptions(IndexOptions(of_three, dims=3))):
        pass

    with pytest.raises(LoadError, match="3 dimensions"):
        await asyncio.to_thread(import_folder, tmp_path / "first", parse(url))

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM seltzer.store").fetchone() == (0,)
