"""`seltzer migrate`: bring the tables of the store that the settings choose up to date."""

import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seltzer.errors import AppError
from seltzer.settings import Settings
from seltzer.stores.choice import check_driver, choose
from seltzer.stores.options import IndexOptions

if TYPE_CHECKING:
    from seltzer.stores.postgres.connections.database import Database


def run(settings: Settings) -> int:
    """Migrate the store and print its versions. Returns 1 if it can't be migrated."""
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    try:
        choice = choose(url, settings.store)
        if choice.notice:
            print(choice.notice, file=sys.stderr)
        if choice.kind == "sqlite":
            return _migrate_folder(settings.data)
        check_driver()
        place, before, after = asyncio.run(_migrate_database(url, settings.config))
    except AppError as error:
        print(error, file=sys.stderr)
        return 1
    print(_described(f"the database {place}", before, after))
    return 0


async def _migrate_database(url: str, config: Path) -> tuple[str, int, int]:
    """Return the database's place, its version before and after. Raises LoadError, StorageFailed."""
    from seltzer.stores.postgres.connections.address import parse
    from seltzer.stores.postgres.connections.database import Database
    from seltzer.stores.postgres.connections.failures import as_load_errors, check_server
    from seltzer.stores.postgres.migrations import migrate

    address, index = parse(url), _index(config)
    await check_server(address)
    database = Database(address, pool_limit=1, is_pooled=True)  # as far as is known
    with as_load_errors(address):
        before, after = await migrate(address)
        await database.open()
        try:
            await _set_up_items(database, index)
        finally:
            await database.aclose()
    return str(address), before, after


async def _set_up_items(database: "Database", index: IndexOptions | None) -> None:
    """Set up the store that graphs share, as a server's start does. Raises LoadError, StorageFailed."""
    try:
        from seltzer.stores.postgres.items.lent_store import LentStore
        from seltzer.stores.postgres.items.tables import set_up
    except ImportError as error:
        print(f"the graphs' store isn't set up: {error}; pip install 'seltzer[postgres]'", file=sys.stderr)
        return
    await set_up(database, LentStore(index), index)


def _index(config: Path) -> IndexOptions | None:
    """Return what is to be set up for langgraph.json's `store.index`, if there is one. Raises LoadError."""
    from seltzer.catalog.file import read_file

    store = read_file(config).store if config.exists() else None
    return IndexOptions("", store.index.dims) if store is not None and store.index else None


def _migrate_folder(folder: Path) -> int:
    """Open the folder's file as a server does. Raises DataInUse, LoadError."""
    from seltzer.stores.sqlite.files import FILE_NAME
    from seltzer.stores.sqlite.maintenance.reading import reading, version_of
    from seltzer.stores.sqlite.migrations import all_migrations

    file = folder / FILE_NAME
    newest = all_migrations()[-1].number
    if not file.exists():
        print(f"nothing to do: {file} isn't there yet; a server creates it when it starts")
        return 0
    before = None
    try:
        with reading(file) as connection:
            before = version_of(connection)
    except sqlite3.Error:
        pass  # to open it raises the reason
    if before != newest:
        _open(folder, file)
    print(_described(str(file), before or 0, newest))
    return 0


def _open(folder: Path, file: Path) -> None:
    from seltzer.stores.sqlite.database import open_database
    from seltzer.stores.sqlite.lock import acquire

    async def migrate() -> None:
        await (await open_database(file)).aclose()

    lock = acquire(folder)
    try:
        asyncio.run(migrate())
    finally:
        lock.close()


def _described(what: str, before: int, after: int) -> str:
    if before == after:
        return f"nothing to do: {what} is at version {after}"
    return f"{what} was migrated from version {before} to {after}"
