"""A connection to the SQLite file, and the one thread that uses it: from an event loop, one hop a job."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextvars import Context
from queue import SimpleQueue
from threading import Thread
from typing import Final, TypeVar

from seltzer.errors import StorageClosed
from seltzer.stores.sqlite.transactions import Job, Outcome, Work, do_jobs, nothing, resolve

T = TypeVar("T")

POST_DELAY_S: Final = 0.02  # how long a posted job may wait for others to share a transaction with


class ThreadedConnection:
    """From connect() to aclose().

    begin: the statement that its transactions begin with. group_limit: jobs in one transaction; the first of
    them waits for the last.

    Departs from ThreadPoolExecutor: a queue and a future of the caller's loop take half the time of its own
    futures and locks, and the hop is most of what a small transaction costs.
    """

    def __init__(self, name: str, begin: str, *, group_limit: int) -> None:
        self._name = name
        self._begin = begin
        self._group_limit = group_limit
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._posted: list[Job] = []  # not in the queue yet
        self._posted_count = 0
        self._done_count = 0  # of what was posted, what is certainly done
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = True

    async def connect(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Open the connection, in its thread. Raises what connect does."""
        opened, self._is_closed = asyncio.get_running_loop().create_future(), False
        # A daemon: it doesn't keep a process from ending that never closes the file.
        Thread(target=self._run, args=(connect, opened), name=self._name, daemon=True).start()
        await opened

    async def transact(self, work: Work[T]) -> T:
        """Do the work in a transaction, after all jobs before it; see Database.write."""
        self._check_open()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue_posted()
        self._jobs.put(Job(work, done))
        posted = self._posted_count
        try:
            return await done
        finally:
            if done.done() and not done.cancelled():  # then so are the jobs posted before it
                self._done_count = max(self._done_count, posted)

    def post(self, work: Work[None], on_error: Callable[[BaseException], None], *, can_wait: bool) -> None:
        """Do the work without a caller that waits: at once, or with the next job within POST_DELAY_S.

        on_error is called in the connection's thread if it fails, before anything else is done there.
        """
        self._check_open()
        self._posted.append(Job(work, None, on_error))
        self._posted_count += 1
        if not can_wait:
            self._queue_posted()
        elif self._timer is None:
            # The timer serves every run: it gets nothing of this one's context.
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(POST_DELAY_S, self._queue_posted, context=Context())

    async def wait_posted(self) -> None:
        """Wait until all that was posted is done."""
        if self._done_count < self._posted_count:
            await self.transact(nothing)

    async def aclose(self) -> None:
        """Close the connection after all jobs before; does nothing the second time."""
        if not self._is_closed:
            self._queue_posted()
            self._is_closed = True
            self._closed = asyncio.get_running_loop().create_future()
            self._jobs.put(None)
            await self._closed

    def _check_open(self) -> None:
        if self._is_closed:
            raise StorageClosed("the server is stopping; try again when it is back")

    def _queue_posted(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for job in self._posted:
            self._jobs.put(job)
        self._posted.clear()

    def _run(self, connect: Callable[[], sqlite3.Connection], opened: "asyncio.Future[None]") -> None:
        connection = _opened(connect, Job(nothing, opened))
        while self._do_next(connection):  # a frame for each: no job is kept while the next is waited for
            pass
        if connection is not None:
            connection.close()
        resolve([Outcome(Job(nothing, self._closed))])

    def _do_next(self, connection: sqlite3.Connection | None) -> bool:
        jobs = list(self._next_group())
        if jobs:
            assert connection is not None  # connected before anyone has the Database
            do_jobs(connection, self._begin, jobs)
        return bool(jobs)

    def _next_group(self) -> "Iterator[Job]":
        """Yield a job when there is one, then those queued after it; none at the end."""
        for count in range(self._group_limit):
            if count and self._jobs.empty():
                return
            job = self._jobs.get()
            if job is None:
                if count:
                    self._jobs.put(None)  # for the next call: nothing follows
                return
            yield job


def _opened(connect: Callable[[], sqlite3.Connection], opening: Job) -> sqlite3.Connection | None:
    try:
        connection = connect()
    except BaseException as error:  # noqa: BLE001  # passed on to the caller
        resolve([Outcome(opening, error=error)])
        return None
    resolve([Outcome(opening)])
    return connection
