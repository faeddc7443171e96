"""The numbered steps that update a database: NNNN_name.sql, applied in order, never edited.

Everything is in a schema of its own, `seltzer`: other programs may use the database.
"""

import asyncio
from importlib import resources
from typing import Final, NamedTuple

from seltzer.errors import LoadError
from seltzer.stores.postgres.connections.address import Address
from seltzer.stores.postgres.connections.database import Connection
from seltzer.stores.postgres.connections.queries import fetch_one, there
from seltzer.stores.postgres.connections.rights import LOOK, Missing, rights_of
from seltzer.stores.postgres.connections.unlimited import connected, unlimited

LOCK: Final = 0x53454C54_0001  # whoever migrates has this advisory lock


class Migration(NamedTuple):
    """One step. A database to which it was applied has its number as version, or a higher one."""

    number: int
    name: str
    sql: str


def all_migrations() -> list[Migration]:
    """Return all steps, in order."""
    files = [each for each in resources.files(__name__).iterdir() if each.name.endswith(".sql")]
    return sorted(
        Migration(int(each.name[:4]), each.name, each.read_text(encoding="utf-8")) for each in files
    )


async def schema_version(connection: Connection) -> int:
    """Return the number of the last step that was applied; 0 if there was none. Raises psycopg.Error."""
    # Not by to_regclass(): within a transaction it doesn't see what another one has created meanwhile.
    found = "SELECT 1 FROM pg_tables WHERE (schemaname, tablename) = ('seltzer', 'version')"
    if await fetch_one(connection, found, ()) is None:
        return 0
    row = await fetch_one(connection, "SELECT number FROM seltzer.version", ())
    return row["number"] if row else 0


async def migrate(address: Address) -> tuple[int, int]:
    """Apply the steps that weren't applied yet; return the version before, and that afterwards.

    Several processes may call it at once: one does it, the others wait. Where nothing is to be done, nothing
    is waited for; else there is no limit. Raises LoadError if a later Seltzer has migrated the database, or
    the user lacks a right; psycopg.Error.
    """
    steps = await asyncio.to_thread(all_migrations)
    newest = steps[-1].number
    async with connected(address) as connection:
        rights = rights_of(there(await fetch_one(connection, LOOK, ())))
        _check(address, rights.missing())
        before = await schema_version(connection)
        if before > newest:
            raise LoadError(
                f"the database {address} can't be used",
                f"a later Seltzer has migrated it (its version is {before}, this Seltzer's is {newest})",
                "run that Seltzer, or name another database by DATABASE_URL",
            )
        if before < newest:
            _check(address, rights.missing_to_migrate() if rights.is_there else None)
            await _apply(address, connection, steps)
    return before, newest


async def _apply(address: Address, connection: Connection, steps: list[Migration]) -> None:
    async with unlimited(address, connection):
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        # Who may not create it may find one that was made for it: IF NOT EXISTS would ask for the right.
        found = "SELECT 1 FROM pg_namespace WHERE nspname = 'seltzer'"
        if await fetch_one(connection, found, ()) is None:
            await connection.execute("CREATE SCHEMA seltzer")
        version = await schema_version(connection)
        for each in steps:
            if each.number > version:
                await connection.execute(each.sql.encode())
                await connection.execute("UPDATE seltzer.version SET number = %s", (each.number,))


def _check(address: Address, missing: Missing | None) -> None:
    if missing is not None:
        raise LoadError(f"the database {address} can't be used", missing.why, missing.todo)
