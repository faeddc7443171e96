"""Server processes that work on one Postgres database."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg

from tests.e2e.processes import Home, at_home
from tests.patience import PATIENCE_S


class Cluster:
    """Homes whose servers share the database of `url`."""

    def __init__(
        self,
        closing: ExitStack,
        new_folder: Callable[[], Path],
        config: Path,
        url: str,
        environment: Mapping[str, str],
    ) -> None:
        self.url = url
        self.config = config
        self._closing = closing
        self._new_folder = new_folder
        self._environment = dict(environment)
        self.homes: list[Home] = []

    def start(self, count: int, **environment: str) -> list[Home]:
        """Start so many servers more, and return their homes when they are up."""
        given = {"DATABASE_URL": self.url, **self._environment, **environment}
        homes = [
            self._closing.enter_context(at_home(self.config, self._new_folder(), **given))
            for _ in range(count)
        ]
        with ThreadPoolExecutor(count) as starting:
            list(starting.map(lambda home: home.start(), homes))
        self.homes += homes
        return homes

    def revive(self) -> None:
        """Start the servers that are dead."""
        dead = [home for home in self.homes if not home.is_up]
        with ThreadPoolExecutor(max(1, len(dead))) as starting:
            list(starting.map(lambda home: home.start(), dead))

    def client(self, home: Home) -> httpx.Client:
        """Return a client of the home's server, which is closed with the cluster."""
        return self._closing.enter_context(httpx.Client(base_url=home.url, timeout=PATIENCE_S))

    def query(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Return the rows of a statement in the database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()


@contextmanager
def cluster(folder: Path, config: Path, url: str, environment: Mapping[str, str]) -> Iterator[Cluster]:
    """Yield a cluster without servers; those that are started in the block end with it."""
    numbers = itertools.count(1)
    with ExitStack() as closing:
        yield Cluster(closing, lambda: folder / f"home-{next(numbers)}", config, url, environment)
