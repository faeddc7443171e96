"""The items' tables: LangGraph's own, in the schema `seltzer`, set up by its own steps.

Looked at without a lock first, so that a user who may create nothing can work where another has set them up.
"""

from typing import Any, Final

from psycopg import sql

from seltzer.errors import LoadError
from seltzer.stores.options import IndexOptions
from seltzer.stores.postgres.connections.database import Connection, Database
from seltzer.stores.postgres.connections.unlimited import connected, unlimited
from seltzer.stores.postgres.items.lent_store import LentStore, lent

LOCK: Final = 0x53454C54_0002  # whoever sets them up has this advisory lock

_SCHEMA: Final = "seltzer"
_EXTENSION: Final = (
    "SELECT nspname FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'vector'"
)
_AVAILABLE: Final = "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
_IS_THERE: Final = "SELECT 1 FROM pg_tables WHERE (schemaname, tablename) = ('seltzer', %s)"
_DIMS: Final = (
    "SELECT atttypmod FROM pg_attribute"
    " WHERE (attrelid, attname) = (to_regclass('seltzer.store_vectors'), 'embedding')"
)


async def set_up(database: Database, store: LentStore, index: IndexOptions | None) -> str:
    """Create or update the tables where that is needed; return the search path by which they are found.

    Several processes may call it at once. To create or update them takes as long as it takes. Raises
    LoadError, StorageFailed, psycopg.Error.
    """

    async def look(connection: Connection) -> str | None:
        return await _path(connection) if await _is_current(connection, store, index) else None

    async def apply(connection: Connection) -> str:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        if index is not None:
            await _have_extension(connection)
        path = await _path(connection)
        await use(connection, path)
        with lent(connection):
            await store.setup()
        return path

    path = await database.transact(look)
    if path is None:
        async with connected(database.address) as connection, unlimited(database.address, connection):
            path = await apply(connection)
    if index is not None and (dims := await database.execute(_dims)) != index.dims:
        raise LoadError(
            "the store's index can't be used",
            f"the items' vectors in the database have {dims} dimensions; store.index.dims is {index.dims}",
            "set dims back; or, to embed by another model: DROP TABLE seltzer.store_vectors,"
            " seltzer.vector_migrations, restart, and have the items put again",
        )
    return path


async def has_pgvector(database: Database) -> bool:
    """Return whether vectors can be stored in the database."""

    async def look(connection: Connection) -> bool:
        return bool(await _one(connection, _AVAILABLE))

    return await database.execute(look)


async def use(connection: Connection, path: str) -> None:
    """Have the tables found by their bare names until the transaction ends."""
    await connection.execute("SELECT set_config('search_path', %s, true)", (path,))


async def _is_current(connection: Connection, store: LentStore, index: IndexOptions | None) -> bool:
    is_current = await _is_applied(connection, "store_migrations", len(store.MIGRATIONS))
    if index is None or not is_current:
        return is_current
    return await _is_applied(connection, "vector_migrations", len(store.VECTOR_MIGRATIONS))


async def _is_applied(connection: Connection, table: str, steps: int) -> bool:
    if not await _one(connection, _IS_THERE, table):
        return False
    last: int | None = await _one(connection, f"SELECT max(v) FROM seltzer.{table}")
    return last is not None and last >= steps - 1  # a later library's has more


async def _have_extension(connection: Connection) -> None:
    """Create pgvector's extension where other programs look for it, too. Raises LoadError."""
    if await _one(connection, _EXTENSION):
        return
    if not await _one(connection, _AVAILABLE):
        raise LoadError(
            "the store's index can't be used",
            "langgraph.json sets store.index, and this Postgres hasn't the extension `vector`",
            "install pgvector on the database's server, or remove store.index",
        )
    await connection.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")


async def _path(connection: Connection) -> str:
    found = await _one(connection, _EXTENSION)
    names = [_SCHEMA] if found in (None, _SCHEMA) else [_SCHEMA, found]
    return ", ".join(sql.Identifier(each).as_string(None) for each in names)


async def _dims(connection: Connection) -> int:
    dims: int | None = await _one(connection, _DIMS)
    return dims or 0


async def _one(connection: Connection, statement: str, *parameters: str) -> Any:
    row = await (await connection.execute(statement.encode(), parameters)).fetchone()
    return row[0] if row else None
