"""What an error of the database means for the work that raised it, and which of its words may be logged.

Postgres adds the values of a row to some of its messages, and to most details: those are its users' content.
"""

from typing import Final, Literal, TypeAlias, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

Verdict: TypeAlias = Literal["broken", "met", "final"]
E = TypeVar("E", bound=psycopg.Error)

DISK_FULL: Final = "53100"
NO_PERMISSION: Final = "42501"
READ_ONLY: Final = "25006"

# The connection is lost, or the server behind it starts or stops.
_BROKEN_CLASSES: Final = ("08", "57P")
# Two transactions met: the same work succeeds once the other one has ended.
_MET: Final = ("40001", "40P01", "23505")
# What of it won't be otherwise in a moment.
_LASTING: Final = (DISK_FULL, NO_PERMISSION, READ_ONLY)
# Classes whose messages name tables, constraints, files and settings, and no values.
_SPEAKING: Final = ("08", "23", "25", "26", "28", "3D", "3F", "40", "42", "53", "55", "57", "58")


def verdict_on(error: psycopg.Error) -> Verdict:
    """Return what is to be done about it.

    broken: its connection is of no use any more, and the work is to be done by another one. met: the work is
    to be done again. final: it would fail again.
    """
    if error.sqlstate is None:  # the driver's own: there is no connection, or it was lost
        return "broken" if isinstance(error, psycopg.OperationalError) else "final"
    is_read_only = error.sqlstate == READ_ONLY  # it leads to what was the primary before a failover
    is_ended = error.diag.severity_nonlocalized in ("FATAL", "PANIC")
    if is_read_only or is_ended or error.sqlstate.startswith(_BROKEN_CLASSES):
        return "broken"
    return "met" if error.sqlstate in _MET else "final"


def is_unconnected(error: psycopg.Error) -> bool:
    """Return whether there was no connection to do the work by."""
    return isinstance(error, PoolTimeout)


def is_lasting(error: psycopg.Error) -> bool:
    """Return whether the database refuses to store anything, for longer than a moment."""
    return error.sqlstate in _LASTING


def kind_of(error: psycopg.Error) -> str:
    """Return the error's name and code."""
    return f"{type(error).__name__} {error.sqlstate or ''}".strip()


def without_values(error: E) -> E:
    """Return the error with its traceback, and with what of its text can't have a value of a row."""
    state = error.sqlstate
    words = str(error) if state is None else kind_of(error)
    if state is not None and state.startswith(_SPEAKING):
        words = f"{words}: {error.diag.message_primary or error}"
    shown = type(error)(words)
    shown.sqlstate = state
    return shown.with_traceback(error.__traceback__)
