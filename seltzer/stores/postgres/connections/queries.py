"""What a statement returns, as rows by their columns' names."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from psycopg.rows import dict_row

from seltzer.stores.postgres.connections.database import Connection

Row: TypeAlias = Mapping[str, Any]
Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]


async def fetch_all(connection: Connection, statement: str, parameters: Parameters) -> list[Row]:
    """Return the statement's rows."""
    async with connection.cursor(binary=True, row_factory=dict_row) as cursor:
        await cursor.execute(statement.encode(), parameters)
        return [*await cursor.fetchall()]


async def fetch_one(connection: Connection, statement: str, parameters: Parameters) -> Row | None:
    """Return the statement's first row; None if it has none."""
    return next(iter(await fetch_all(connection, statement, parameters)), None)


def there(row: Row | None) -> Row:
    """Return the row of a statement that always has one."""
    assert row is not None
    return row
