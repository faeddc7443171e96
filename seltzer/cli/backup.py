"""`seltzer backup FOLDER`: a copy of the SQLite store, or the command that copies the Postgres database."""

import shlex
import signal
import sys
from pathlib import Path
from types import FrameType

from seltzer.errors import AppError
from seltzer.settings import Settings
from seltzer.stores.choice import check_driver, choose
from seltzer.stores.sqlite.maintenance.backup import back_up


def run(settings: Settings, target: Path) -> int:
    """Back the store up and print where. Returns 1 if that can't be done, 130 after Ctrl-C."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        choice = choose(_url(settings), settings.store)
        if choice.kind == "postgres":
            check_driver()
            print(_pg_dump(settings, target), file=sys.stderr)
            return 1
        if choice.notice:
            print(choice.notice, file=sys.stderr)
        size = back_up(settings.data, target)
    except AppError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("seltzer: stopped; nothing was written", file=sys.stderr)
        return 130
    print(f"{settings.data} is backed up in {target} ({size / 1_048_576:,.1f} MiB)")
    print(f"A server on it: SELTZER_DATA={shlex.quote(str(target))} seltzer serve")
    return 0


def _url(settings: Settings, *, is_direct: bool = False) -> str:
    chosen = settings.database_direct_url if is_direct else None
    chosen = chosen or settings.database_url
    return chosen.get_secret_value() if chosen else ""


def _pg_dump(settings: Settings, target: Path) -> str:
    """Return what backs the database up, without the password. Raises LoadError."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from seltzer.stores.postgres.connections.address import parse

    given = conninfo_to_dict(parse(_url(settings, is_direct=True)).conninfo)
    shown = {name: given[name] for name in ("host", "hostaddr", "port", "dbname", "user") if name in given}
    words = [
        "pg_dump",
        "--format=custom",
        "--schema=seltzer",
        f"--file={target}",
        f"--dbname={make_conninfo('', **shown)}",
    ]
    return (
        "Postgres has its own backup, which is consistent while servers run:\n"
        f"  {shlex.join(words)}\n"
        "The password is asked for, or read from PGPASSWORD or ~/.pgpass."
        " docs/how-to/back-up.md shows how to restore it."
    )


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)
