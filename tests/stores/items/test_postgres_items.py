"""The graphs' store in a database that several processes share, through a pooler, too."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest
from langgraph.store.base import PutOp
from langgraph.store.postgres.base import BasePostgresStore
from psycopg.conninfo import make_conninfo

from seltzer.errors import LoadError, RunFailed, StorageFailed
from seltzer.stores.open import open_stores
from seltzer.stores.options import DatabaseOptions, IndexOptions, StoreOptions, TtlOptions
from seltzer.stores.postgres.connections import database as database_module
from seltzer.stores.postgres.connections.database import pause
from seltzer.stores.postgres.connections.unlimited import WAIT_S
from seltzer.stores.postgres.items.tables import LOCK
from tests.patience import PATIENCE_S
from tests.stores.items.opened import open_at
from tests.stores.postgres.conftest import pooled_url, url
from tests.stores.postgres.server import create_role

__all__ = ["pooled_url", "url"]  # fixtures

pytestmark = pytest.mark.anyio

USER = ("users", "ada")


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [[float("tea" in text), float("rain" in text)] for text in texts]


BY_MEANING = StoreOptions(IndexOptions(embed, dims=2), TtlOptions(default_ttl=60.0))


async def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(statement.encode())
        return await cursor.fetchall() if cursor.description else []


async def test_processes_that_start_at_once_share_their_items(url: str) -> None:
    async with AsyncExitStack() as opened:
        one, *others = await asyncio.gather(
            *(opened.enter_async_context(open_at(url, BY_MEANING)) for _ in range(4))
        )
        await one.aput(USER, "drink", {"text": "tea", "n": 2})

        for other in others:
            assert (await other.asearch(USER, query="tea", filter={"n": {"$gte": 2}}))[0].key == "drink"
            assert await other.alist_namespaces() == [USER]
        await others[0].adelete(USER, "drink")
        assert await one.aget(USER, "drink") is None


async def test_all_of_it_is_in_the_schema_of_its_own(url: str) -> None:
    async with open_at(url, BY_MEANING):
        pass

    elsewhere = await execute(
        url,
        "SELECT tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('seltzer', 'pg_catalog', 'information_schema')",
    )

    assert elsewhere == []


async def test_a_pooler_by_transaction_is_no_hindrance(pooled_url: str) -> None:
    async with open_at(pooled_url, BY_MEANING) as one, open_at(pooled_url, BY_MEANING) as other:
        texts = [{"text": "tea" if n % 2 else "rain"} for n in range(60)]
        await asyncio.gather(*(one.aput(USER, str(n), value) for n, value in enumerate(texts)))
        await one.abatch([PutOp(("more",), str(n), {}) for n in range(20)])

        found = await asyncio.gather(*(other.asearch(USER, query="tea", limit=30) for _ in range(20)))

    assert all(len(each) == 30 and {item.score for item in each} == {1.0} for each in found)


async def test_another_clients_search_path_is_as_it_was(pooled_url: str) -> None:
    async with open_at(pooled_url) as items:
        await items.aput(USER, "k", {})

        ((path,),) = await execute(pooled_url, "SHOW search_path")

    assert path == '"$user", public'


async def test_a_set_up_store_is_used_by_who_may_create_nothing(url: str) -> None:
    async with open_at(url, BY_MEANING):
        pass
    role = await asyncio.to_thread(create_role)
    await execute(url, f"GRANT USAGE ON SCHEMA seltzer TO {role}")
    for kind in ("TABLES", "SEQUENCES"):
        await execute(url, f"GRANT ALL ON ALL {kind} IN SCHEMA seltzer TO {role}")

    async with open_at(make_conninfo(url, user=role), BY_MEANING) as items:
        await items.aput(USER, "k", {"text": "tea"})

        assert len(await items.asearch(USER, query="tea")) == 1


async def test_its_set_up_waits_for_another_without_a_limit_and_logs_for_whom(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_at(url):  # by now the tables of runs are there
        await execute(url, "DROP TABLE seltzer.store, seltzer.store_migrations CASCADE")
    monkeypatch.setattr(database_module, "OPERATION_S", WAIT_S / 4)

    async def use() -> None:
        async with open_at(url) as items:
            await items.aput(USER, "k", {})

    async with await psycopg.AsyncConnection.connect(url, application_name="another one") as other:
        await other.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        using = asyncio.create_task(use())
        async with asyncio.timeout(PATIENCE_S):
            while "another one, idle in transaction" not in caplog.text:
                await pause(0.05)
        await other.commit()

    await using


async def test_other_dimensions_than_those_of_the_vectors_stop_the_start(url: str) -> None:
    async with open_at(url, BY_MEANING):
        pass

    with pytest.raises(LoadError, match="have 2 dimensions") as raised:
        async with open_at(url, StoreOptions(IndexOptions(embed, dims=3))):
            pass

    assert "DROP TABLE" in raised.value.todo


async def test_a_model_of_other_dimensions_than_declared_is_named(url: str) -> None:
    async with open_at(url, StoreOptions(IndexOptions(embed, dims=3))) as items:
        with pytest.raises(RunFailed, match=r"store\.index\.dims .* is 3, .* vectors of 2"):
            await items.aput(USER, "k", {"text": "tea"})

        assert await items.aget(USER, "k") is None


@pytest.mark.parametrize("model", ["cohere:embed-english-v3.0", "no-such-provider:x"])
async def test_an_embedding_model_that_cannot_be_loaded_is_a_load_error(url: str, model: str) -> None:
    with pytest.raises(LoadError, match=r"store\.index\.embed"):
        async with open_at(url, StoreOptions(IndexOptions(model, dims=2))):
            pass


async def test_what_expired_while_no_server_ran_is_gone(url: str) -> None:
    async with open_at(url) as items:
        await items.aput(USER, "kept", {}, ttl=60)
        await items.aput(USER, "gone", {}, ttl=-1)
        assert len(await items.asearch(USER)) == 2

    async with open_at(url, StoreOptions(ttl=TtlOptions())) as items:
        assert [each.key for each in await items.asearch(USER)] == ["kept"]


async def test_a_part_of_a_minute_counts_as_one_when_an_item_is_read(url: str) -> None:
    options = StoreOptions(ttl=TtlOptions(default_ttl=0.25, refresh_on_read=True))
    async with open_at(url, options) as items:
        await items.aput(USER, "k", {})
        await items.aget(USER, "k")

    ((is_later,),) = await execute(url, "SELECT expires_at > now() + '30 s' FROM seltzer.store")
    assert is_later


async def test_a_slow_embedding_has_no_connection_meanwhile(url: str) -> None:
    """With a pool of one, nothing else would be done until the model has answered."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slow(texts: Sequence[str]) -> list[list[float]]:
        asked.set()
        await answered.wait()
        return embed(texts)

    options = StoreOptions(IndexOptions(slow, dims=2))
    database = DatabaseOptions(url, pool_limit=1)
    async with open_stores(Path(), store=options, database=database) as stores, asyncio.TaskGroup() as tasks:
        assert stores.items is not None
        putting = tasks.create_task(stores.items.aput(USER, "k", {"text": "tea"}))
        await asked.wait()

        assert await stores.items.aget(USER, "k") is None

        answered.set()
        await putting
        assert [each.score for each in await stores.items.asearch(USER, query="tea")] == [1.0]


async def test_a_database_that_fails_is_storage_failed_until_it_is_back(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_at(make_conninfo(url, password="s3cret")) as items:
        await items.aput(USER, "k", {"n": 1})
        await execute(url, "ALTER TABLE seltzer.store RENAME TO away")

        with pytest.raises(StorageFailed) as raised:
            await items.aget(USER, "k")

        await execute(url, "ALTER TABLE seltzer.away RENAME TO store")
        assert await items.aget(USER, "k") is not None
    assert raised.value.code == "storage_failed"
    assert "s3cret" not in f"{raised.value}{caplog.text}"


async def test_a_library_without_its_private_hook_is_used_with_a_warning(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(BasePostgresStore, "_get_filter_condition")

    async with open_at(url) as items:
        await items.aput(USER, "k", {"n": 10})
        assert len(await items.asearch(USER, filter={"n": 10})) == 1

    assert "_get_filter_condition" in caplog.text
