"""What seltzer doctor finds of a Postgres database, and on the way to it."""

import asyncio
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from seltzer.stores.finding import Finding
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.inspection.inspection import inspect
from seltzer.stores.postgres.migrations import all_migrations, migrate
from tests.stores.items.opened import open_at
from tests.stores.postgres.pgbouncer import PgBouncer
from tests.stores.postgres.server import create_database, create_role

POOL = 10


@pytest.fixture
def url() -> str:
    return create_database()


@pytest.fixture
def migrated(url: str) -> str:
    asyncio.run(migrate(parse(url)))
    return url


@pytest.fixture(scope="module")
def pooler() -> Iterator[PgBouncer]:
    running = PgBouncer(create_database())
    yield running
    running.stop()


def through(pooler: PgBouncer, url: str) -> str:
    """Return the address of the database through the pooler."""
    return make_conninfo(pooler.url, dbname=conninfo_to_dict(url)["dbname"])


def look(url: str, direct: str | None = None) -> dict[str, Finding]:
    return {each.check: each for each in inspect(url, direct, pool=POOL)}


def failed(found: dict[str, Finding]) -> list[str]:
    for each in found.values():
        assert bool(each.todo) == (each.level != "ok")
    return [check for check, each in found.items() if each.level == "fail"]


def test_a_new_database_is_in_order(url: str) -> None:
    found = look(url)

    assert failed(found) == []
    assert "seltzer migrate, creates it" in found["schema"].text
    assert "none" in found["pooler"].text
    assert found["notify"].level == "ok"
    assert "fsync" in found["durability"].text  # off, on a server for tests


def test_a_migrated_one_shows_what_is_in_it(migrated: str) -> None:
    found = look(migrated)

    assert failed(found) == []
    assert found["schema"].text == f"it is at version {all_migrations()[-1].number}, this Seltzer's own"
    assert found["contents"].text == "threads: 0, runs: 0, of them active: 0"
    assert found["items"].text.startswith("the graphs' store isn't set up yet; pgvector: 0.")


@pytest.mark.anyio
async def test_the_graphs_items_are_counted(url: str) -> None:
    async with open_at(url) as items:
        await items.aput(("users",), "ada", {})

    found = await asyncio.to_thread(look, url)

    assert failed(found) == []
    assert found["items"].text.startswith("graphs have stored: 1; pgvector: 0.")


def test_nothing_is_changed(url: str) -> None:
    look(url)

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regnamespace('seltzer')").fetchone() == (None,)


def test_an_older_one_names_what_migrates_it(migrated: str) -> None:
    execute(migrated, "UPDATE seltzer.version SET number = 1")

    found = look(migrated)

    assert failed(found) == []
    assert "seltzer migrate, makes it" in found["schema"].text


def test_a_later_seltzers_fails(migrated: str) -> None:
    execute(migrated, "UPDATE seltzer.version SET number = 999")

    assert failed(look(migrated)) == ["schema"]


def test_one_that_is_being_migrated_is_looked_at_later(migrated: str) -> None:
    with psycopg.connect(migrated) as connection:
        connection.execute("LOCK TABLE seltzer.version IN ACCESS EXCLUSIVE MODE")

        assert "a migration is at work" in look(migrated)["schema"].text


class TestOnTheWay:
    def test_a_pooler_by_transaction_asks_for_a_direct_address(self, pooler: PgBouncer, url: str) -> None:
        found = look(through(pooler, url))

        assert failed(found) == []
        assert found["pooler"].level == "warn"
        assert "DATABASE_DIRECT_URL" in found["pooler"].todo
        assert "notify" not in found

    def test_with_a_direct_address_notifications_arrive(self, pooler: PgBouncer, url: str) -> None:
        found = look(through(pooler, url), url)

        assert [found[check].level for check in ("pooler", "direct", "notify")] == ["ok"] * 3

    def test_a_direct_address_that_is_none_fails(self, pooler: PgBouncer, url: str) -> None:
        found = look(through(pooler, url), through(pooler, url))

        assert failed(found) == ["direct"]
        assert "through a pooler" in found["direct"].text

    def test_a_direct_address_of_another_database_fails(self, pooler: PgBouncer, url: str) -> None:
        found = look(through(pooler, url), create_database())

        assert failed(found) == ["direct"]
        assert "another database" in found["direct"].text

    def test_a_direct_address_that_cant_be_reached_fails(self, pooler: PgBouncer, url: str) -> None:
        found = look(through(pooler, url), "postgresql://ada:s3cret@127.0.0.1:1/x")

        assert failed(found) == ["direct"]
        assert "s3cret" not in str(found)
        assert "DATABASE_DIRECT_URL" in found["direct"].todo

    def test_a_pooler_by_session_may_be_the_direct_address_too(self, url: str) -> None:
        pooler = PgBouncer(url, "session")

        without, found = look(pooler.url), look(pooler.url, pooler.url)

        pooler.stop()
        assert failed(without) == failed(found) == []
        assert "it may be the same address" in without["pooler"].todo
        assert [found[check].level for check in ("pooler", "direct", "notify")] == ["ok"] * 3

    @pytest.mark.parametrize(
        ("url", "todo"),
        [
            ("postgresql://ada:s3cret@127.0.0.1:1/x", "check the host and the port"),
            ("postgresql://ada:s3cret@127.0.0.1:port/x", "write it as"),
        ],
    )
    def test_one_that_cant_be_reached_is_all_that_is_found(self, url: str, todo: str) -> None:
        (found,) = inspect(url, pool=POOL)

        assert (found.level, found.check) == ("fail", "database")
        assert todo in found.todo
        assert "s3cret" not in str(found)


class TestPermissions:
    def test_a_user_who_may_create_nothing_gets_the_grant(self, url: str) -> None:
        role = create_role()

        found = look(make_conninfo(url, user=role))

        assert failed(found) == ["permissions"]
        assert f"GRANT CREATE ON DATABASE {conninfo_to_dict(url)['dbname']} TO {role}" in (
            found["permissions"].todo
        )

    @pytest.mark.parametrize(
        ("granted", "todo"),
        [
            ([], "GRANT USAGE ON SCHEMA seltzer"),
            (["USAGE ON SCHEMA seltzer"], "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES"),
            (["SELECT ON ALL TABLES IN SCHEMA seltzer"], "GRANT USAGE ON SCHEMA seltzer"),
            (
                ["USAGE ON SCHEMA seltzer", "ALL ON ALL TABLES IN SCHEMA seltzer"],
                "GRANT USAGE ON ALL SEQUENCES",
            ),
        ],
    )
    def test_a_stranger_to_the_schema_gets_the_grants(
        self, migrated: str, granted: list[str], todo: str
    ) -> None:
        role = create_role()
        for each in granted:
            execute(migrated, f"GRANT {each} TO {role}")

        found = look(make_conninfo(migrated, user=role))

        assert failed(found) == ["permissions"]
        assert f"as the schema's owner: {todo}" in found["permissions"].todo

    @pytest.mark.parametrize(("version", "expected"), [(None, []), (1, ["permissions"])])
    def test_a_user_of_anothers_tables_may_work_but_not_migrate(
        self, migrated: str, version: int | None, expected: list[str]
    ) -> None:
        role = create_role()
        execute(migrated, f"GRANT USAGE ON SCHEMA seltzer TO {role}")
        execute(migrated, f"GRANT ALL ON ALL TABLES IN SCHEMA seltzer TO {role}")
        execute(migrated, f"GRANT ALL ON SEQUENCE seltzer.message_blocks TO {role}")
        if version is not None:
            execute(migrated, f"UPDATE seltzer.version SET number = {version}")

        assert failed(look(make_conninfo(migrated, user=role))) == expected


class TestServer:
    def test_a_read_only_database_fails(self, url: str) -> None:
        name = conninfo_to_dict(url)["dbname"]
        execute(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")

        assert failed(look(url)) == ["writable"]

    def test_an_encoding_without_every_character_fails(self, url: str) -> None:
        name = f"{conninfo_to_dict(url)['dbname']}_ascii"
        execute(url, f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")

        assert failed(look(make_conninfo(url, dbname=name))) == ["encoding"]

    def test_a_user_with_less_connections_than_a_pool_is_warned_of(self, url: str) -> None:
        role = create_role(f"CONNECTION LIMIT {POOL}")
        execute(url, f"GRANT CREATE ON DATABASE {conninfo_to_dict(url)['dbname']} TO {role}")

        found = look(make_conninfo(url, user=role))

        assert failed(found) == []
        assert found["connections"].level == "warn"
        assert "SELTZER_DATABASE_POOL" in found["connections"].todo

    @pytest.mark.parametrize(("ahead_s", "words"), [(60, "behind"), (-60, "ahead of")])
    def test_clocks_that_differ_are_warned_of(
        self, url: str, monkeypatch: pytest.MonkeyPatch, ahead_s: float, words: str
    ) -> None:
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + ahead_s)

        found = look(url)["clock"]

        assert found.level == "warn"
        assert f"{words} this machine's" in found.text

    def test_an_unsynced_commit_is_warned_of(self, url: str) -> None:
        name = conninfo_to_dict(url)["dbname"]
        execute(url, f"ALTER DATABASE {name} SET synchronous_commit = off")

        assert look(url)["durability"].level == "warn"


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
