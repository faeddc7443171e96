"""The numbered steps that update a database: NNNN_name.sql, applied in order, never edited.

Everything is in a schema of its own, `seltzer`: other programs may use the database.
"""

import asyncio
from importlib import resources
from typing import Final, NamedTuple

from seltzer.errors import LoadError
from seltzer.stores.postgres.database import Connection, Database

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


async def schema_version(database: Database) -> int:
    """Return the number of the last step that was applied; 0 if there was none. Raises StorageFailed."""
    return await database.execute(_version)


async def migrate(database: Database) -> tuple[int, int]:
    """Apply the steps that weren't applied yet; return the version before, and that afterwards.

    Several processes may call it at once: one does it, the others wait. Where nothing is to be done, nothing
    is waited for. Raises LoadError if a later Seltzer has migrated the database, StorageFailed.
    """
    steps = await asyncio.to_thread(all_migrations)
    before, newest = await schema_version(database), steps[-1].number
    if before > newest:
        raise LoadError(
            f"the database {database.address} can't be used",
            f"a later Seltzer has migrated it (its version is {before}, this Seltzer's is {newest})",
            "run that Seltzer, or name another database by DATABASE_URL",
        )

    async def apply(connection: Connection) -> None:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        version = await _version(connection)
        for each in steps:
            if each.number > version:
                await connection.execute(each.sql.encode())
                await connection.execute("UPDATE seltzer.version SET number = %s", (each.number,))

    if before < newest:
        await database.transact(apply)
    return before, newest


async def _version(connection: Connection) -> int:
    # Not by to_regclass(): within a transaction it doesn't see what another one has created meanwhile.
    found = await connection.execute(
        "SELECT 1 FROM pg_tables WHERE (schemaname, tablename) = ('seltzer', 'version')"
    )
    if await found.fetchone() is None:
        return 0
    row = await (await connection.execute("SELECT number FROM seltzer.version")).fetchone()
    return row[0] if row else 0
