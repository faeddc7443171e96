"""A connection to the SQLite file, and the one thread that uses it: asked from an event loop, one hop a job.

Jobs that wait while another is done may share one transaction, as to begin and to commit cost as much as a
small job; if one of them fails, each is done again in a transaction of its own, so that it harms no other. A
refusal isn't such a failure: nothing was written that would have to be undone.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from seltzer.errors import AppError, StorageClosed, StorageFailed
from seltzer.runs.execution.fence import LeaseLost

log = logging.getLogger(__name__)

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection], T]

POSTED_S: Final = 0.02  # how long what nobody waits for may wait for others to go with


class ThreadedConnection:
    """From connect() to aclose().

    begin: the statement that its transactions begin with. group_limit: jobs in one transaction; the first of
    them waits for the last.

    Departs from ThreadPoolExecutor: a queue and a future of the caller's loop take half the time of its own
    futures and locks, and a hop is what a small transaction costs most.
    """

    def __init__(self, name: str, begin: str, *, group_limit: int) -> None:
        self._name = name
        self._begin = begin
        self._group_limit = group_limit
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._posted: list[_Job] = []  # not handed over yet
        self._posted_count = 0
        self._settled_count = 0  # of what was posted, what is known to be done
        self._hand_over_at: asyncio.TimerHandle | None = None
        self._is_closed = True

    async def connect(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Open the connection, in its thread. Raises what connect does."""
        opened, self._is_closed = asyncio.get_running_loop().create_future(), False
        # A daemon: where nobody closes the file, it doesn't keep the process from ending.
        Thread(target=self._live, args=(connect, opened), name=self._name, daemon=True).start()
        await opened

    async def transact(self, work: Work[T]) -> T:
        """Do the work in a transaction, behind all that was asked before; see Database.write."""
        self._check_open()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._hand_over()
        self._jobs.put(_Job(work, done))
        posted = self._posted_count
        try:
            return await done
        finally:
            if done.done() and not done.cancelled():  # and so is what was posted before
                self._settled_count = max(self._settled_count, posted)

    def post(self, work: Work[None], failed: Callable[[BaseException], None], *, can_wait: bool) -> None:
        """Do the work without anyone waiting for it: at once, or with what is asked next within POSTED_S.

        failed is told, in the connection's thread and before anything more is done there, if it can't be.
        """
        self._check_open()
        self._posted.append(_Job(work, None, failed))
        self._posted_count += 1
        if not can_wait:
            self._hand_over()
        elif self._hand_over_at is None:
            self._hand_over_at = asyncio.get_running_loop().call_later(POSTED_S, self._hand_over)

    async def settled(self) -> None:
        """Wait until what was posted is done."""
        if self._settled_count < self._posted_count:
            await self.transact(_nothing)

    def _check_open(self) -> None:
        if self._is_closed:
            raise StorageClosed("the server is stopping; ask again when it is back")

    def _hand_over(self) -> None:
        if self._hand_over_at is not None:
            self._hand_over_at.cancel()
            self._hand_over_at = None
        for job in self._posted:
            self._jobs.put(job)
        self._posted.clear()

    async def aclose(self) -> None:
        """Close the connection behind all that was asked before; does nothing the second time."""
        if not self._is_closed:
            self._hand_over()
            self._is_closed = True
            self._closed = asyncio.get_running_loop().create_future()
            self._jobs.put(None)
            await self._closed

    def _live(self, connect: Callable[[], sqlite3.Connection], opened: "asyncio.Future[None]") -> None:
        connection = _opened(connect, _Job(_nothing, opened))
        while self._work_once(connection):  # a frame for each: no job is kept while the next is waited for
            pass
        if connection is not None:
            connection.close()
        _settle([_Outcome(_Job(_nothing, self._closed))])

    def _work_once(self, connection: sqlite3.Connection | None) -> bool:
        jobs = list(self._group())
        if jobs:
            assert connection is not None  # connected before anyone has the Database
            _carry_out(connection, self._begin, jobs)
        return bool(jobs)

    def _group(self) -> "Iterator[_Job]":
        """Yield a job when there is one, then those that wait behind it; none at the end."""
        for count in range(self._group_limit):
            if count and self._jobs.empty():
                return
            job = self._jobs.get()
            if job is None:
                if count:
                    self._jobs.put(None)  # for the next call: nothing comes behind it
                return
            yield job


class _Job(NamedTuple):
    """Something to be done in the connection's thread.

    done: for who waits in a loop; or waited, and has left. failed: who is told of an error, if nobody waits.
    """

    work: Work[Any]
    done: "asyncio.Future[Any] | None"
    failed: Callable[[BaseException], None] | None = None


class _Outcome(NamedTuple):
    """How a job ended."""

    job: _Job
    result: Any = None
    error: BaseException | None = None


def _opened(connect: Callable[[], sqlite3.Connection], asked: _Job) -> sqlite3.Connection | None:
    try:
        connection = connect()
    except BaseException as error:  # noqa: BLE001  # passed on to who asked
        _settle([_Outcome(asked, error=error)])
        return None
    _settle([_Outcome(asked)])
    return connection


def _carry_out(connection: sqlite3.Connection, begin: str, jobs: Sequence[_Job]) -> None:
    """Do the jobs and tell who asked: together, or if that fails, each by itself."""
    waiting, at_once = list(jobs), len(jobs)
    while group := waiting[:at_once]:
        try:
            _begin(connection, begin)
        except BaseException as error:  # noqa: BLE001  # passed on to who asked
            # At once to all: whatever holds the lock was waited for long enough.
            _settle(_failed(waiting, error))
            return
        try:
            outcomes = _transact(connection, group)
        except BaseException as error:  # noqa: BLE001  # passed on to who asked
            if len(group) > 1:
                at_once = 1
                continue
            outcomes = _failed(group, error)
        _settle(outcomes)
        del waiting[:at_once]


def _begin(connection: sqlite3.Connection, begin: str) -> None:
    if connection.in_transaction:  # the last one's ROLLBACK failed
        connection.execute("ROLLBACK")
    connection.execute(begin)


def _transact(connection: sqlite3.Connection, jobs: Sequence[_Job]) -> list[_Outcome]:
    """Do the jobs in the transaction that has begun, and end it. Raises what a job does, but refusals."""
    try:
        outcomes = [_outcome(connection, job) for job in jobs]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite undoes some by itself, as on a full disk
            connection.execute("ROLLBACK")
        raise
    return outcomes


def _outcome(connection: sqlite3.Connection, job: _Job) -> _Outcome:
    """Do the job. Raises what it does, unless that is a refusal: its own, as it has written nothing.

    One that is told to `failed` is raised, too: who comes behind it in the group has to find it told.
    """
    before = connection.total_changes
    try:
        return _Outcome(job, job.work(connection))
    except StopIteration as error:
        raise RuntimeError("the work raised StopIteration, which no future takes") from error
    except (AppError, LeaseLost) as error:
        has_written = connection.total_changes != before or not connection.in_transaction
        if has_written or job.failed is not None:
            raise
        return _Outcome(job, error=error)


def _failed(jobs: Sequence[_Job], error: BaseException) -> list[_Outcome]:
    """Return that the jobs ended by the error. SQLite's are for the log alone."""
    if not isinstance(error, sqlite3.Error):
        return [_Outcome(job, error=error) for job in jobs]
    log.error("the database failed", exc_info=error)
    return [_Outcome(job, error=_storage_failed(error)) for job in jobs]


def _storage_failed(cause: sqlite3.Error) -> StorageFailed:
    failed = StorageFailed(
        "what the server keeps can't be read or written now; try again later (its log says why)"
    )
    failed.__cause__ = cause
    return failed


def _settle(outcomes: Sequence[_Outcome]) -> None:
    """Tell who asked, waking each of their loops once."""
    for job, _, error in outcomes:
        if error is not None and job.failed is not None:
            job.failed(error)
    waited_for = [(each.job.done, each) for each in outcomes if each.job.done is not None]
    for loop in {done.get_loop() for done, _ in waited_for}:
        with suppress(RuntimeError):  # the loop has closed, and nobody waits
            loop.call_soon_threadsafe(_tell, [each for each in waited_for if each[0].get_loop() is loop])


def _tell(outcomes: Sequence[tuple[asyncio.Future[Any], _Outcome]]) -> None:
    for done, (_, result, error) in outcomes:
        if done.done():  # who asked has left
            continue
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)


def _nothing(connection: sqlite3.Connection) -> None:
    pass
