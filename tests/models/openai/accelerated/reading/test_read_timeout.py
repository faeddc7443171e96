"""The bound to a stream's silence."""

import asyncio
from typing import Any

import anyio
import pytest

from seltzer.models.openai.accelerated.reading.read_timeout import ReadTimedOut, ReadTimeout

pytestmark = pytest.mark.anyio

LIMIT_S = 0.1


async def past(seconds: float) -> None:
    """Wait until a timer has fired."""
    fired: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, fired.set_result, None)
    await fired


async def never() -> None:
    await asyncio.Event().wait()


async def value(result: int) -> int:
    return result


async def failing(error: Exception) -> None:
    raise error


async def test_what_arrives_in_time_is_returned() -> None:
    watch = ReadTimeout(5)

    assert [await watch.wait(value(1)), await watch.wait(value(2))] == [1, 2]
    watch.close()


async def test_silence_ends_the_wait_and_what_was_waited_for() -> None:
    watch, is_ended = ReadTimeout(LIMIT_S), asyncio.Event()

    async def waiting() -> None:
        try:
            await never()
        finally:
            is_ended.set()

    with anyio.fail_after(5), pytest.raises(ReadTimedOut):
        await watch.wait(waiting())

    assert is_ended.is_set()


@pytest.mark.parametrize("error", [TimeoutError("its own"), ValueError("x")])
async def test_an_error_of_what_is_waited_for_is_raised_as_it_is(error: Exception) -> None:
    watch = ReadTimeout(5)

    with pytest.raises(type(error)) as caught:
        await watch.wait(failing(error))

    assert caught.value is error
    watch.close()


async def test_a_cancel_is_a_cancel() -> None:
    watch = ReadTimeout(5)

    with anyio.fail_after(5):
        waiting = asyncio.create_task(watch.wait(never()))
        await anyio.lowlevel.checkpoint()
        waiting.cancel()
        await asyncio.wait((waiting,))

    assert waiting.cancelled()
    watch.close()


async def test_signs_of_life_within_a_wait_put_its_end_off() -> None:
    watch, loop, comes = ReadTimeout(LIMIT_S), asyncio.get_running_loop(), asyncio.Event()
    for tenths in range(1, 31):
        loop.call_later(LIMIT_S * tenths / 10, watch.reset)
    loop.call_later(LIMIT_S * 3, comes.set)

    with anyio.fail_after(5):
        assert await watch.wait(comes.wait())
        with pytest.raises(ReadTimedOut):
            await watch.wait(never())


async def test_without_signs_of_life_several_waits_have_one_limit_together() -> None:
    watch, waits = ReadTimeout(LIMIT_S), list[int]()

    async def wait_on_and_on() -> None:
        while True:
            await watch.wait(past(LIMIT_S / 10))
            waits.append(1)

    with anyio.fail_after(5), pytest.raises(ReadTimedOut):
        await wait_on_and_on()

    assert 0 < len(waits) <= 10


@pytest.mark.parametrize("timeout_s", [0, None])
async def test_no_limit_is_no_limit(timeout_s: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    timers = timers_of(asyncio.get_running_loop(), monkeypatch)
    watch = ReadTimeout(timeout_s)

    with anyio.fail_after(5):
        await watch.wait(past(LIMIT_S))
    watch.close()

    assert not timers(ReadTimeout)


async def test_many_waits_share_a_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    timers = timers_of(asyncio.get_running_loop(), monkeypatch)
    watch = ReadTimeout(5)

    for at in range(20):
        await watch.wait(value(at))
        watch.reset()
    watch.close()

    assert len(timers(ReadTimeout)) == 1
    assert timers(ReadTimeout)[0].cancelled()


async def test_a_limit_that_passes_between_waits_ends_the_next_one() -> None:
    watch = ReadTimeout(LIMIT_S)
    await watch.wait(value(1))
    await past(LIMIT_S * 2)

    with anyio.fail_after(5):
        assert await watch.wait(value(2)) == 2  # it has arrived: there is nothing to wait for
        with pytest.raises(ReadTimedOut):
            await watch.wait(never())


async def test_a_closed_watch_looks_no_more() -> None:
    watch, comes = ReadTimeout(LIMIT_S), asyncio.Event()

    with anyio.fail_after(5):
        waiting = asyncio.create_task(watch.wait(comes.wait()))
        await anyio.lowlevel.checkpoint()
        watch.close()
        await past(LIMIT_S * 3)
        comes.set()

        assert await waiting


async def test_closing_a_watch_that_never_waited_is_no_error() -> None:
    ReadTimeout(5).close()


def timers_of(loop: asyncio.AbstractEventLoop, patch: pytest.MonkeyPatch) -> Any:
    """Return what returns the loop's timers that call a method of the kind."""
    made: list[tuple[Any, asyncio.TimerHandle]] = []
    call_at = loop.call_at

    def noting(when: float, callback: Any, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        made.append((callback, handle := call_at(when, callback, *args, **kwargs)))
        return handle

    patch.setattr(loop, "call_at", noting)
    return lambda kind: [timer for each, timer in made if isinstance(getattr(each, "__self__", None), kind)]
