"""Whatever is posted, written and read at once: it is as if it had been done one after the other."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from seltzer.errors import AppError, StorageFailed, ThreadBusy
from seltzer.runs.execution.fence import LeaseLost
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.transactions import Work
from tests.stores.conversing import blocked_writes
from tests.stores.sqlite.numbers import (
    adding,
    break_off,
    lose,
    nothing,
    numbers,
    owned,
    refuse,
    refuse_late,
    with_numbers,
)

WORKS = {"break off": break_off, "refuse": refuse, "refuse late": refuse_late, "lose": lose}
ERRORS = {"break off": ValueError, "refuse": ThreadBusy, "refuse late": ThreadBusy, "lose": LeaseLost}
owners = st.sampled_from("ab")
whats = st.one_of(st.integers(0, 9), st.integers(0, 9), st.sampled_from(sorted(ERRORS)))
steps = st.one_of(
    st.tuples(st.just("post"), owners, whats, st.booleans()),
    st.tuples(st.just("write"), owners, whats),
    st.tuples(st.just("read")),
    st.tuples(st.just("wait")),
    st.tuples(st.just("forget"), owners),
)


class Plain:
    """A list of numbers to which one thing at a time is done."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.failed: dict[str, type[Exception]] = {}

    def do(self, owner: str, what: int | str) -> type[Exception] | None:
        if owner in self.failed:
            return self.failed[owner]
        if isinstance(what, str):
            return ERRORS[what]
        if what in self.numbers:
            return StorageFailed
        self.numbers.append(what)
        return None

    def post(self, owner: str, what: int | str) -> None:
        if error := self.do(owner, what):
            self.failed.setdefault(owner, error)


class Both:
    """Does the same to the database and to the list, and records each one's result."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._plain = Plain()
        self._expected: list[type[Exception] | None] = []
        self._writes: list[asyncio.Task[None]] = []
        self._reads: list[tuple[int, asyncio.Task[list[int]]]] = []
        self._certain = 0  # how many of the numbers anyone who reads now must see

    def post(self, owner: str, what: int | str, can_wait: bool) -> None:
        self._plain.post(owner, what)
        self._database.post(owner, self._work(owner, what), can_wait=can_wait)
        self._certain = len(self._plain.numbers)

    def write(self, owner: str, what: int | str) -> None:
        self._expected.append(self._plain.do(owner, what))
        self._writes.append(asyncio.create_task(self._database.write(self._work(owner, what))))

    def read(self) -> None:
        self._reads.append(
            (self._certain, asyncio.create_task(self._database.read(numbers, after_posts=True)))
        )

    async def wait(self) -> None:
        await self._database.write(nothing)
        self._certain = len(self._plain.numbers)

    async def forget(self, owner: str) -> None:
        await self.wait()
        self._database.forget(owner)
        self._plain.failed.pop(owner, None)

    async def compare(self) -> None:
        ends = await asyncio.gather(*self._writes, return_exceptions=True)
        assert [None if end is None else type(end) for end in ends] == self._expected
        for certain, reading in self._reads:
            found = await reading
            assert found == self._plain.numbers[: len(found)]
            assert len(found) >= certain
        assert await self._database.read(numbers, after_posts=True) == self._plain.numbers
        for owner in "ab":
            assert failure_of(self._database, owner) == self._plain.failed.get(owner)

    def _work(self, owner: str, what: int | str) -> Work[None]:
        return owned(self._database, owner, WORKS[what] if isinstance(what, str) else adding(what))


def failure_of(database: Database, owner: str) -> type[BaseException] | None:
    try:
        database.check(owner)
    except (AppError, LeaseLost, ValueError) as error:
        return type(error)
    return None


async def play(program: Sequence[tuple[Any, ...]], *, together: bool) -> None:
    """Run the program: together, all of it waits for the writer before any is done."""
    with TemporaryDirectory() as folder, anyio.fail_after(30):
        database = await with_numbers(Path(folder) / "seltzer.db")
        both = Both(database)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(database.aclose)
            stack.push_async_callback(both.compare)
            if together:
                await stack.enter_async_context(blocked_writes(database))
            for verb, *given_ in program:
                if (asking := getattr(both, verb)(*given_)) is not None:
                    await asking
                await checkpoint()


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=20))
def test_posts_writes_and_reads_are_serialized(
    program: list[tuple[Any, ...]],
) -> None:
    asyncio.run(play(program, together=False))


@settings(max_examples=150, deadline=None)
@given(st.lists(steps.filter(lambda step: step[0] not in ("wait", "forget")), max_size=20))
def test_jobs_in_one_group_are_serialized(program: list[tuple[Any, ...]]) -> None:
    asyncio.run(play(program, together=True))
