"""What the settings and langgraph.json set of the stores."""

import logging

from pydantic import SecretStr

from seltzer.catalog import Catalog
from seltzer.settings import Settings
from seltzer.stores.choice import check_driver, choose
from seltzer.stores.options import DatabaseOptions, IndexOptions, SerdeOptions, StoreOptions, TtlOptions

log = logging.getLogger(__name__)


def database_options(settings: Settings) -> DatabaseOptions | None:
    """Return where threads and runs are kept; None if that is a file in the data folder.

    Raises LoadError if a Postgres database is wanted that isn't named, or has no driver.
    """
    url, direct = _secret(settings.database_url), _secret(settings.database_direct_url)
    choice = choose(url, settings.store)
    if choice.notice:
        log.warning(choice.notice)
    if choice.kind == "sqlite" or url is None:
        return None
    check_driver()
    return DatabaseOptions(url, direct, settings.database_pool)


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None


def serde_options(graphs: Catalog) -> SerdeOptions | None:
    """Return what langgraph.json sets of what a state may contain."""
    checkpointer = graphs.file.checkpointer
    if checkpointer is None or checkpointer.serde is None:
        return None
    return SerdeOptions(checkpointer.serde.allowed_msgpack_modules, checkpointer.serde.pickle_fallback)


def store_options(graphs: Catalog) -> StoreOptions | None:
    """Return what langgraph.json sets of the store that graphs share."""
    store = graphs.file.store
    if store is None:
        return None
    index, ttl = store.index, store.ttl
    return StoreOptions(
        IndexOptions(graphs.embed, index.dims, tuple(index.fields or ("$",))) if index else None,
        TtlOptions(ttl.default_ttl, ttl.refresh_on_read, ttl.sweep_interval_minutes) if ttl else None,
    )
