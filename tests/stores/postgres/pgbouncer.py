"""PgBouncer in front of a Postgres server, as a process of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.interop.programs import missing
from tests.patience import PATIENCE_S
from tests.stores.postgres.server import free_port

Mode = Literal["transaction", "session"]

_TRIES: Final = 500
_CONFIGURATION: Final = """\
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {pool}
max_client_conn = 500
"""


class PgBouncer:
    """A PgBouncer, from its creation to stop(). url is that of one of the server's databases."""

    def __init__(self, url: str, mode: Mode = "transaction", pool: int = 20) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="seltzer-pgbouncer-"))
        self._direct = conninfo_to_dict(url)
        self._port = free_port()
        names = {name: self._direct.get(name) for name in ("host", "port", "user", "password")}
        server = " ".join(f"{name}={value}" for name, value in names.items() if value)
        file = self._folder / "pgbouncer.ini"
        file.write_text(_CONFIGURATION.format(server=server, port=self._port, mode=mode, pool=pool))
        self._process = self._start(file)

    @property
    def url(self) -> str:
        """Return the address of the database through this pooler."""
        return make_conninfo("", **(self._direct | {"host": "127.0.0.1", "port": self._port}))

    def stop(self) -> None:
        """Stop it at once, and remove its folder."""
        self._process.kill()
        self._process.wait(PATIENCE_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, file: Path) -> subprocess.Popen[bytes]:
        as_user = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to be root
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen([program(), *as_user, str(file)], stdout=log, stderr=log)
        for _ in range(_TRIES):
            try:
                psycopg.connect(self.url, connect_timeout=int(PATIENCE_S)).close()
            except psycopg.OperationalError:
                try:
                    process.wait(PATIENCE_S / _TRIES)
                except subprocess.TimeoutExpired:
                    continue
                break
            else:
                return process
        process.kill()
        raise AssertionError(f"PgBouncer isn't up:\n{(self._folder / 'log').read_text()}")


def program() -> str:
    """Return PgBouncer's path; skip the test where there is none, or let it fail in CI."""
    found = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if found is None:
        missing("PgBouncer isn't installed: `apt-get install pgbouncer`")
    return found
