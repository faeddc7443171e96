"""What graphs have stored, from a folder's second file into a Postgres database, and back.

Both have the tables of LangGraph's stores: items, and the vectors by which some of them are found.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from struct import pack, unpack
from typing import Any, Final, NamedTuple

import orjson
import psycopg

from seltzer.errors import LoadError
from seltzer.stores.items.storable import KEY_LIMIT_BYTES, without_nul
from seltzer.stores.options import IndexOptions, StoreOptions
from seltzer.stores.postgres.connections.database import Database
from seltzer.stores.postgres.items.lent_store import LentStore
from seltzer.stores.postgres.items.tables import has_pgvector, set_up
from seltzer.stores.sqlite.files import ITEMS_FILE_NAME
from seltzer.stores.sqlite.items import SqliteItems
from seltzer.stores.sqlite.maintenance.reading import reading

_ITEM: Final = "prefix, key, value, created_at, updated_at, expires_at, ttl_minutes"
_VECTOR: Final = "prefix, key, field_name, embedding, created_at, updated_at"
_ROWS_A_FETCH: Final = 500


class Prepared(NamedTuple):
    """What can be moved. dims: of the vectors in the file; None if there are none that can be moved."""

    file: Path
    dims: int | None
    vectors_left: int = 0


async def _prepare_file(file: Path, dims: int | None = None) -> None:
    """Create the file's tables, or update them, as a server does. Raises LoadError."""
    items = SqliteItems(file, StoreOptions(_index(dims)))
    try:
        await items.open_now()
    finally:
        await items.aclose()


async def prepare_database(database: Database, file: Path) -> Prepared:
    """Set up the tables for the file's items. Raises LoadError."""
    await _prepare_file(file)
    found = await asyncio.to_thread(_look, file)
    if found.dims is not None and not await has_pgvector(database):
        found = Prepared(file, None, found.vectors_left)
    else:
        found = Prepared(file, found.dims)
    index = _index(found.dims)
    await set_up(database, LentStore(index), index)
    return found


def import_items(found: Prepared, connection: psycopg.Connection[Any]) -> int:
    """Copy the items, and return how many."""
    with reading(found.file) as file:
        file.execute("BEGIN")
        count = _write(connection, "store", _ITEM, map(_item, file.execute(f"SELECT {_ITEM} FROM store")))
        if found.dims is not None:
            rows = file.execute(f"SELECT {_VECTOR} FROM store_vectors")
            _write(connection, "store_vectors", _VECTOR, map(_vector, rows))
    return count


def export_items(connection: psycopg.Connection[Any], folder: Path) -> int:
    """Copy the database's items, and return how many. Without any there is no file. Raises LoadError."""
    if not _is_there(connection, "store") or not connection.execute("SELECT 1 FROM seltzer.store").fetchone():
        return 0
    dims = None
    if _is_there(connection, "store_vectors"):
        (dims,) = connection.execute(
            "SELECT max(cardinality(embedding::real[])) FROM seltzer.store_vectors"
        ).fetchone() or (None,)
    asyncio.run(_prepare_file(folder / ITEMS_FILE_NAME, dims))
    with closing(sqlite3.connect(folder / ITEMS_FILE_NAME, isolation_level=None)) as file:
        file.execute("BEGIN")
        values = _ITEM.replace("value", "convert_to(value::text, 'UTF8')")
        count = _insert(connection, file, "store", _ITEM, values)
        if dims is not None:
            vectors = _VECTOR.replace("embedding", "embedding::real[]")
            _insert(connection, file, "store_vectors", _VECTOR, vectors)
        file.execute("COMMIT")
    return count


def _look(file: Path) -> Prepared:
    """Return what is in the file, as if its vectors couldn't be moved. Raises LoadError."""
    with reading(file) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        if "store_vectors" not in tables:
            return Prepared(file, None)
        lengths = connection.execute("SELECT DISTINCT length(embedding) / 4 FROM store_vectors").fetchall()
        (count,) = connection.execute(
            "SELECT count(DISTINCT prefix || '.' || key) FROM store_vectors"
        ).fetchone()
    if len(lengths) > 1:
        raise LoadError(
            f"{file} can't be imported",
            "its items have vectors of more than one embedding model",
            "delete the table store_vectors in it, and put the items again afterwards",
        )
    return Prepared(file, lengths[0][0] if lengths else None, count)


def _index(dims: int | None) -> IndexOptions | None:
    """Return what sets up the tables of vectors; nothing is embedded."""
    return IndexOptions(lambda texts: [], dims) if dims is not None else None


def _write(connection: psycopg.Connection[Any], table: str, columns: str, rows: Iterator[Any]) -> int:
    count = 0
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY seltzer.{table} ({columns}) FROM STDIN".encode()) as copy,
    ):
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def _insert(
    connection: psycopg.Connection[Any], file: sqlite3.Connection, table: str, columns: str, read: str
) -> int:
    marks = ", ".join("?" * len(columns.split(", ")))
    count = 0
    with connection.cursor(f"export_{table}") as cursor:
        cursor.itersize = _ROWS_A_FETCH
        cursor.execute(f"SELECT {read} FROM seltzer.{table}".encode())
        for row in cursor:
            file.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({marks})", [_to_file(each) for each in row]
            )
            count += 1
    return count


def _item(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return an item of the file as the database takes it. Raises LoadError."""
    prefix, key, value, created_at, updated_at, expires_at, minutes = row
    if len(f"{prefix}.{key}".encode()) > KEY_LIMIT_BYTES:
        raise LoadError(
            "the folder can't be imported",
            f"a namespace and its key are longer than {KEY_LIMIT_BYTES:,} bytes:"
            f" {prefix[:50]!r}, {key[:50]!r}",
            "have a graph delete that item, or put it under a shorter key",
        )
    text = value if isinstance(value, str) else value.decode()
    if "\\u0000" in text:
        text = orjson.dumps(without_nul(orjson.loads(text))).decode()
    times = [_time(each) for each in (created_at, updated_at, expires_at)]
    return without_nul(prefix), without_nul(key), text, *times, None if minutes is None else ceil(minutes)


def _vector(row: Sequence[Any]) -> tuple[Any, ...]:
    prefix, key, field, embedding, *times = row
    vector = list(unpack(f"<{len(embedding) // 4}f", embedding))
    return without_nul(prefix), without_nul(key), without_nul(field), str(vector), *map(_time, times)


def _time(text: str | None) -> datetime | None:
    """Return the time that SQLite's store has written, which is UTC."""
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _to_file(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return pack(f"<{len(value)}f", *value) if isinstance(value, list) else value


def _is_there(connection: psycopg.Connection[Any], table: str) -> bool:
    found = connection.execute("SELECT to_regclass(%s)", (f"seltzer.{table}",)).fetchone()
    return found is not None and found[0] is not None
