"""The exam of hints, for stores that several processes can use: they may come late, and more may come."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import anyio
import pytest

from seltzer.runs.event import Event
from seltzer.runs.ports import EventLog, Runs, Wake
from tests.stores.conformance_runs import end, leased, submit, waiting

Do = Callable[[Runs, EventLog], Awaitable[object]]


class Cause(NamedTuple):
    """Something done to a store, of which run it has changed the log, and what else is to be hinted at."""

    name: str
    do: Do
    run_id: str = ""
    has_stops: bool = False
    has_queued: bool = False

    def is_covered_by(self, wake: Wake) -> bool:
        is_run = not self.run_id or wake.events is None or self.run_id in wake.events
        return is_run and wake.has_stops >= self.has_stops and wake.has_queued >= self.has_queued


async def append(runs: Runs, log: EventLog) -> None:
    await leased(runs)
    await log.append({"r": [Event(1, 1, "token", {})]})


async def finish(runs: Runs, log: EventLog) -> None:
    await end(runs, await leased(runs))


async def finish_before_another(runs: Runs, log: EventLog) -> None:
    lease = await leased(runs, "1")
    await waiting(runs, "2")
    await end(runs, lease)


async def hand_back(runs: Runs, log: EventLog) -> None:
    await runs.hand_back(await leased(runs), unwritten=[Event(1, 1, "token", {})])


async def stop_a_running_one(runs: Runs, log: EventLog) -> None:
    await leased(runs)
    await runs.stop("r", "cancel")


async def stop_a_waiting_one(runs: Runs, log: EventLog) -> None:
    await waiting(runs)
    await runs.stop("r", "cancel")


async def interrupt(runs: Runs, log: EventLog) -> None:
    await leased(runs, "1")
    await submit(runs, "2", on_busy="interrupt")


async def replace_a_waiting_one(runs: Runs, log: EventLog) -> None:
    await leased(runs, "1")
    await waiting(runs, "2")
    await submit(runs, "3", on_busy="rollback")


async def submit_without_room(runs: Runs, log: EventLog) -> None:
    await waiting(runs)


CAUSES: Final = [
    Cause("append", append, run_id="r"),
    Cause("finish", finish, run_id="r"),
    Cause("finish, while another waits", finish_before_another, run_id="1", has_queued=True),
    Cause("hand back", hand_back, run_id="r", has_queued=True),
    Cause("stop a running one", stop_a_running_one, has_stops=True),
    Cause("stop a waiting one", stop_a_waiting_one, run_id="r"),
    Cause("interrupt", interrupt, has_stops=True),
    Cause("replace a waiting one", replace_a_waiting_one, run_id="2", has_stops=True),
    Cause("submit without room", submit_without_room, has_queued=True),
]


@pytest.mark.anyio
class WakesExam:
    """Fixtures: `runs` an empty store, `log` its event log, `seen_log` that as another process sees it."""

    @pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
    async def test_what_concerns_other_processes_is_hinted_at(
        self, runs: Runs, log: EventLog, seen_log: EventLog, cause: Cause
    ) -> None:
        wakes = seen_log.wakes()
        assert wakes is not None

        await cause.do(runs, log)

        seen = Wake()
        with anyio.fail_after(30):
            while not cause.is_covered_by(seen):
                wake = await anext(wakes)
                events = None if None in (seen.events, wake.events) else {*seen.events, *wake.events}  # type: ignore[misc]  # neither is None
                seen = Wake(
                    events, seen.has_stops or wake.has_stops, has_queued=seen.has_queued or wake.has_queued
                )
