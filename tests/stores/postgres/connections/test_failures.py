"""Why a database can't be used: what, why and what to do, and never the password."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from threading import Thread
from typing import TypeAlias

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from seltzer.errors import LoadError
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.connections.failures import as_load_errors, check_server, too_old, unusable
from seltzer.stores.postgres.migrations import migrate
from tests.stores.postgres.server import create_role, test_server

pytestmark = pytest.mark.anyio

Url: TypeAlias = str


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of a server that isn't Postgres."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            for _ in range(3):
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(100)
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def with_(url: Url, **changes: object) -> Url:
    return make_conninfo(url, password="s3cret", **{name: str(value) for name, value in changes.items()})


@pytest.mark.parametrize(
    ("changes", "why", "todo"),
    [
        ({"port": 1}, "no Postgres listens there", "host and the port"),
        ({"host": "nowhere.invalid"}, "its host isn't known", "check the host"),
        ({"host": "/nowhere"}, "no Postgres listens there", "start it"),
        ({"user": "nobody_there"}, "refuses the user or the password", "check both in DATABASE_DIRECT_URL"),
        ({"dbname": "nowhere"}, "no such database", "createdb"),
        ({"sslmode": "perhaps"}, "has a part that can't be used", "write it as"),
        ({"sslmode": "require"}, "no encrypted connection", "sslmode"),
    ],
)
async def test_a_database_that_cant_be_reached_says_why_and_what_to_do(
    changes: dict[str, object], why: str, todo: str
) -> None:
    address = parse(with_(test_server().url(), **changes))

    with pytest.raises(LoadError) as refused:
        await check_server(address, "DATABASE_DIRECT_URL")

    assert len(str(refused.value).splitlines()) == 3
    assert why in refused.value.why
    assert todo in refused.value.todo
    assert "s3cret" not in str(refused.value)


async def test_a_server_of_another_kind_is_no_postgres(stranger: int) -> None:
    with pytest.raises(LoadError, match="no Postgres, or it broke off"):
        await check_server(parse(f"postgresql://ada:s3cret@127.0.0.1:{stranger}/x?sslmode=prefer"))


async def test_a_read_only_database_names_the_primary(url: Url) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())

    with pytest.raises(LoadError, match="it is read-only") as refused:
        await check_server(parse(url))

    assert "not a replica" in refused.value.todo


async def test_a_user_without_a_connection_left_is_told_of_the_pool(url: Url) -> None:
    role = await asyncio.to_thread(create_role, "CONNECTION LIMIT 0")

    with pytest.raises(LoadError, match="no connection left") as refused:
        await check_server(parse(with_(url, user=role)))

    assert "SELTZER_DATABASE_POOL" in refused.value.todo


async def migrated(url: Url) -> None:
    address = parse(url)
    with as_load_errors(address):
        await migrate(address)


async def execute(url: Url, *statements: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for each in statements:
            await connection.execute(each.encode())


NO_SCHEMA: list[str] = []
EMPTY_SCHEMA = ["CREATE SCHEMA seltzer"]


@pytest.mark.parametrize(
    ("prepared", "granted", "missing"),
    [
        (NO_SCHEMA, [], ["CREATE ON DATABASE {name}"]),
        (EMPTY_SCHEMA, [], ["USAGE, CREATE ON SCHEMA seltzer"]),
        (EMPTY_SCHEMA, ["USAGE ON SCHEMA seltzer"], ["USAGE, CREATE ON SCHEMA seltzer"]),
        (
            migrated,
            [],
            [
                "USAGE ON SCHEMA seltzer",
                "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA seltzer",
                "USAGE ON ALL SEQUENCES IN SCHEMA seltzer",
            ],
        ),
        (
            migrated,
            ["USAGE ON SCHEMA seltzer", "ALL ON ALL TABLES IN SCHEMA seltzer"],
            ["USAGE ON ALL SEQUENCES IN SCHEMA seltzer"],
        ),
    ],
)
async def test_a_user_who_lacks_a_right_gets_the_grant_alone(
    url: Url, prepared: list[str] | Callable[[Url], Awaitable[None]], granted: list[str], missing: list[str]
) -> None:
    role = await asyncio.to_thread(create_role)
    await (prepared(url) if callable(prepared) else execute(url, *prepared))
    await execute(url, *(f"GRANT {each} TO {role}" for each in granted))

    with pytest.raises(LoadError) as refused:
        await migrated(with_(url, user=role))

    named = [each.format(name=psycopg.conninfo.conninfo_to_dict(url)["dbname"]) for each in missing]
    assert refused.value.why == f"{role} lacks {' and '.join(named)}"
    assert refused.value.todo.endswith("; ".join(f"GRANT {each} TO {role}" for each in named))

    await execute(url, *(f"GRANT {each} TO {role}" for each in named))
    await migrated(with_(url, user=role))


async def test_a_user_who_may_not_alter_anothers_tables_is_told_whose_they_are(url: Url) -> None:
    role = await asyncio.to_thread(create_role)
    await migrated(url)
    everything = ("SCHEMA seltzer", "ALL TABLES IN SCHEMA seltzer", "ALL SEQUENCES IN SCHEMA seltzer")
    await execute(url, *(f"GRANT ALL ON {each} TO {role}" for each in everything))
    await execute(url, "UPDATE seltzer.version SET number = 1")

    with pytest.raises(LoadError, match="owns its tables") as refused:
        await migrated(with_(url, user=role))

    assert refused.value.todo.startswith("run seltzer migrate as ")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('FATAL:  password authentication failed for user "ada"', "refuses the user or the password"),
        ("fe_sendauth: no password supplied", "refuses the user or the password"),
        ("FATAL:  SASL authentication failed", "refuses the user or the password"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "ada"', "doesn't admit"),
        ('root certificate file "/nope" does not exist', "encrypted"),
        ("FATAL:  the database system is starting up", "starting or stopping"),
        ("FATAL:  sorry, too many clients already", "no connection left"),
        ("FATAL:  remaining connection slots are reserved for superusers", "no connection left"),
        ("Connection timed out", "doesn't answer"),
        ("FATAL:  Passwort-Authentifizierung für Benutzer »ada« fehlgeschlagen", "fehlgeschlagen"),
        ("FATAL:  the password is s3cret", "the password is ***"),
    ],
)
async def test_what_libpq_says_is_recognised_or_shown(said: str, why: str) -> None:
    error = psycopg.OperationalError(
        f'connection failed: connection to server at "db", port 1 failed: {said}\nx'
    )

    shown = unusable(error, parse("postgresql://ada:s3cret@db:1/agents"))

    assert shown.what == "the database db:1/agents as ada can't be used"
    assert why in shown.why
    assert "s3cret" not in str(shown)


async def test_an_old_server_is_told_the_floor() -> None:
    assert "15 or later" in str(too_old(parse("postgresql://db/agents"), "12.4"))


async def test_one_that_can_be_used_passes(url: Url) -> None:
    await check_server(parse(url))
