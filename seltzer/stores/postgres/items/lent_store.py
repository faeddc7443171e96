"""LangGraph's AsyncPostgresStore, on a connection that is lent to it, in the transaction that it is in.

Departs from using it as it is:

1. its tables have no schema in their names, so that each transaction sets its own search path: what a
   session has set, a pooler gives to the next client;
2. its connections are the process's: they are limited, tried again and cut as those of all other work;
3. an index is created within a transaction, and so not CONCURRENTLY: all of a set-up is there, or nothing;
4. there is no approximate index of vectors: of another namespace's vectors, which are nearer, it would find
   so many that none of the own namespace's is left. The own ones are compared, all of them;
5. numbers are compared as numbers where a filter has one (`{"n": {"$gt": 5}}`), as SQLite's store does.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, Final

from langchain_core.embeddings import Embeddings
from langgraph.store.base import TTLConfig
from langgraph.store.postgres.aio import AsyncPostgresStore
from langgraph.store.postgres.base import Migration, PostgresIndexConfig
from psycopg_pool import AsyncConnectionPool

from seltzer.stores.options import IndexOptions
from seltzer.stores.postgres.connections.database import Connection

log = logging.getLogger(__name__)

_lent: ContextVar[Connection] = ContextVar("lent connection")
_NOTHING: Final = Migration("SELECT 1")
_SIGNS: Final = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_CONDITION: Final = "_get_filter_condition"  # the library's private name


class _LentConnections(AsyncConnectionPool[Any]):
    """What the library asks for a connection: it gets the one that is lent. It is never opened."""

    @asynccontextmanager
    async def connection(
        self,
        timeout: float | None = None,  # noqa: ASYNC109  # the pool's own
    ) -> AsyncIterator[Any]:
        yield _lent.get()


class LentStore(AsyncPostgresStore):
    """The library's store, within `lent(connection)`."""

    def __init__(
        self, index: IndexOptions | None, embeddings: Embeddings | None = None, ttl: TTLConfig | None = None
    ) -> None:
        """embeddings: not needed to set it up."""
        config = None
        if index is not None:
            config = PostgresIndexConfig(
                dims=index.dims, embed=embeddings or _no_vectors, fields=list(index.fields)
            )
        super().__init__(_LentConnections("", open=False), index=config, ttl=ttl)
        self.MIGRATIONS = [each.replace("CONCURRENTLY ", "") for each in self.MIGRATIONS]
        self.VECTOR_MIGRATIONS = [
            _NOTHING if "CONCURRENTLY" in each.sql else each for each in self.VECTOR_MIGRATIONS
        ]
        if not hasattr(AsyncPostgresStore, _CONDITION):
            log.warning(
                "langgraph-checkpoint-postgres has no %s any more: filters compare numbers as text",
                _CONDITION,
            )

    def _get_filter_condition(self, key: str, op: str, value: Any) -> tuple[str, list[Any]]:
        if op not in _SIGNS or isinstance(value, bool) or not isinstance(value, int | float):
            return super()._get_filter_condition(key, op, value)
        number = "CASE WHEN jsonb_typeof(value->%s) = 'number' THEN (value->>%s)::numeric END"
        return f"{number} {_SIGNS[op]} %s::text::numeric", [key, key, repr(value)]


def _no_vectors(texts: Sequence[str]) -> list[list[float]]:
    return []


@contextmanager
def lent(connection: Connection) -> Iterator[None]:
    """Lend the connection to the store, for what is awaited in the block."""
    token = _lent.set(connection)
    try:
        yield
    finally:
        _lent.reset(token)
