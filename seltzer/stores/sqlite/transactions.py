"""Jobs, done on a connection in shared transactions; the results go to the futures of those who wait.

Jobs that are queued together may share one transaction, as to begin and to commit cost as much as a small
job. If one of them fails, each is done again in a transaction of its own, so that it harms no other. A
refusal isn't such a failure: nothing was written that would have to be undone.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias, TypeVar

from seltzer.errors import AppError, StorageFailed
from seltzer.runs.execution.fence import LeaseLost

log = logging.getLogger(__name__)

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection], T]


class Job(NamedTuple):
    """Work for a connection's thread.

    done: a future of the loop that waits for the result, or did. on_error: called with an error in the
    connection's thread, before anything else is done there, where no caller waits.
    """

    work: Work[Any]
    done: "asyncio.Future[Any] | None"
    on_error: Callable[[BaseException], None] | None = None


class Outcome(NamedTuple):
    """How a job ended."""

    job: Job
    result: Any = None
    error: BaseException | None = None


def nothing(connection: sqlite3.Connection) -> None:
    """Do no work: a job with it waits for those before it."""


def do_jobs(connection: sqlite3.Connection, begin: str, jobs: Sequence[Job]) -> None:
    """Do the jobs and resolve their futures: together, or if that fails, each in its own transaction."""
    waiting, at_once = list(jobs), len(jobs)
    while group := waiting[:at_once]:
        try:
            _begin(connection, begin)
        except BaseException as error:  # noqa: BLE001  # passed on to the futures
            # All fail together: the lock on the file was waited for long enough.
            resolve(_failed(waiting, error))
            return
        try:
            outcomes = _transact(connection, group)
        except BaseException as error:  # noqa: BLE001  # passed on to the futures
            if len(group) > 1:
                at_once = 1
                continue
            outcomes = _failed(group, error)
        resolve(outcomes)
        del waiting[:at_once]


def resolve(outcomes: Sequence[Outcome]) -> None:
    """Pass the outcomes on to those who wait, waking each of their loops once."""
    for job, _, error in outcomes:
        if error is not None and job.on_error is not None:
            job.on_error(error)
    awaited = [(each.job.done, each) for each in outcomes if each.job.done is not None]
    for loop in {done.get_loop() for done, _ in awaited}:
        with suppress(RuntimeError):  # the loop is closed, and no caller waits
            loop.call_soon_threadsafe(_set_results, [each for each in awaited if each[0].get_loop() is loop])


def _set_results(outcomes: Sequence[tuple[asyncio.Future[Any], Outcome]]) -> None:
    for done, (_, result, error) in outcomes:
        if done.done():  # its caller was cancelled
            continue
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)


def _begin(connection: sqlite3.Connection, begin: str) -> None:
    if connection.in_transaction:  # the last ROLLBACK failed
        connection.execute("ROLLBACK")
    connection.execute(begin)


def _transact(connection: sqlite3.Connection, jobs: Sequence[Job]) -> list[Outcome]:
    """Do the jobs in the transaction that has begun, and end it. Raises what a job does, except refusals."""
    try:
        outcomes = [_do(connection, job) for job in jobs]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite undoes some by itself, as on a full disk
            connection.execute("ROLLBACK")
        raise
    return outcomes


def _do(connection: sqlite3.Connection, job: Job) -> Outcome:
    """Do the job. Raises what it raises, except for a refusal that has written nothing.

    A refusal for `on_error` is raised, too: the jobs after it in the group must find that it was called.
    """
    before = connection.total_changes
    try:
        return Outcome(job, job.work(connection))
    except StopIteration as error:
        raise RuntimeError("the work raised StopIteration, which a future can't carry") from error
    except (AppError, LeaseLost) as error:
        has_written = connection.total_changes != before or not connection.in_transaction
        if has_written or job.on_error is not None:
            raise
        return Outcome(job, error=error)


def _failed(jobs: Sequence[Job], error: BaseException) -> list[Outcome]:
    """Return the jobs as failed. SQLite's errors are for the log alone."""
    if not isinstance(error, sqlite3.Error):
        return [Outcome(job, error=error) for job in jobs]
    log.error("the database failed", exc_info=error)
    return [Outcome(job, error=_storage_failed(error)) for job in jobs]


def _storage_failed(cause: sqlite3.Error) -> StorageFailed:
    failed = StorageFailed("the database can't be read or written now; try again later (see the log)")
    failed.__cause__ = cause
    return failed
