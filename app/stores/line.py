"""A connection to the SQLite file, and the one thread that uses it: asked from event loops, one hop a job.

Jobs that wait while another is done share one transaction, as to begin and to commit cost as much as a small
job; if one of them fails, each is done again in a transaction of its own, so that it harms no other.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from app.errors import StorageFailed

log = logging.getLogger(__name__)

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection], T]

GROUP_LIMIT: Final = 64  # jobs in one transaction: the first of them waits for the last


class Line:
    """From connect() to aclose(); begin is the statement that its transactions begin with.

    Departs from ThreadPoolExecutor: a queue and a future of the caller's loop take half the time of its own
    futures and locks, and a hop is what a small transaction costs most.
    """

    def __init__(self, name: str, begin: str) -> None:
        self._name = name
        self._begin = begin
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._is_closed = True

    async def connect(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Open the connection, in its thread. Raises what connect does."""
        opened, self._is_closed = _Job(lambda _: None), False
        # A daemon: where nobody closes the file, it doesn't keep the process from ending.
        Thread(target=self._live, args=(connect, opened), name=self._name, daemon=True).start()
        await opened.done

    async def transact(self, work: Work[T]) -> T:
        """Do the work in a transaction, behind all that was asked before; see Database.write."""
        if self._is_closed:
            raise StorageFailed("the server is stopping; ask again when it is back")
        job = _Job(work)
        self._jobs.put(job)
        result: T = await job.done
        return result

    async def aclose(self) -> None:
        """Close the connection behind all that was asked before; does nothing the second time."""
        if not self._is_closed:
            self._is_closed = True
            self._closed = _Job(lambda _: None)
            self._jobs.put(None)
            await self._closed.done

    def _live(self, connect: Callable[[], sqlite3.Connection], opened: "_Job") -> None:
        connection = _opened(connect, opened)
        while self._work_once(connection):  # a frame for each: no job is kept while the next is waited for
            pass
        if connection is not None:
            connection.close()
        _settle([_Outcome(self._closed)])

    def _work_once(self, connection: sqlite3.Connection | None) -> bool:
        jobs = list(self._group())
        if jobs:
            assert connection is not None  # connected before anyone has the Database
            _settle(_carried_out(connection, self._begin, jobs))
        return bool(jobs)

    def _group(self) -> "Iterator[_Job]":
        """Yield a job when there is one, then those that wait behind it; none at the end."""
        for count in range(GROUP_LIMIT):
            if count and self._jobs.empty():
                return
            job = self._jobs.get()
            if job is None:
                if count:
                    self._jobs.put(None)  # for the next call: nothing comes behind it
                return
            yield job


class _Job:
    """Something to be done in a line's thread, for who waits in a loop; or waited, and has left."""

    __slots__ = ("done", "loop", "work")

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.done: asyncio.Future[Any] = self.loop.create_future()


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


def _carried_out(connection: sqlite3.Connection, begin: str, jobs: Sequence[_Job]) -> Sequence[_Outcome]:
    """Do the jobs: together, or if that fails, each by itself."""
    if len(jobs) > 1:
        with suppress(BaseException):
            results = _transact(connection, begin, jobs)
            return [_Outcome(*each) for each in zip(jobs, results, strict=True)]
    return [_alone(connection, begin, job) for job in jobs]


def _alone(connection: sqlite3.Connection, begin: str, job: _Job) -> _Outcome:
    try:
        (result,) = _transact(connection, begin, [job])
        return _Outcome(job, result)
    except sqlite3.Error as error:
        log.exception("the database failed")
        failed = StorageFailed(
            "what the server keeps can't be read or written now; try again later (its log says why)"
        )
        failed.__cause__ = error
        return _Outcome(job, error=failed)
    except BaseException as error:  # noqa: BLE001  # passed on to who asked
        return _Outcome(job, error=error)


def _transact(connection: sqlite3.Connection, begin: str, jobs: Iterable[_Job]) -> list[Any]:
    connection.execute(begin)
    try:
        results = [job.work(connection) for job in jobs]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite undoes some by itself, as on a full disk
            connection.execute("ROLLBACK")
        raise
    return results


def _settle(outcomes: Sequence[_Outcome]) -> None:
    """Tell who asked, waking each of their loops once."""
    for loop in {each.job.loop for each in outcomes}:
        with suppress(RuntimeError):  # the loop has closed, and nobody waits
            loop.call_soon_threadsafe(_tell, [each for each in outcomes if each.job.loop is loop])


def _tell(outcomes: Sequence[_Outcome]) -> None:
    for job, result, error in outcomes:
        if job.done.done():  # who asked has left
            continue
        if error is None:
            job.done.set_result(result)
        else:
            job.done.set_exception(error)
