"""An attempt's state: the first stop decides how it ends, and nothing does once its end is settled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seltzer.runs.execution.lifecycle import End, Lifecycle, Phase
from seltzer.runs.execution.translation.terminal_events import CANCELLED
from seltzer.runs.execution.translation.translator import Emission

FINISHED = End(Emission("finished", {}))
FAILED = End(Emission("failed", {}))
CANCEL = End(CANCELLED)
ROLL_BACK = End(CANCELLED, "roll_back")
HAND_BACK = End(CANCELLED, "hand_back")


def running() -> Lifecycle:
    life = Lifecycle()
    assert life.prepare()
    assert life.run()
    return life


def test_an_attempt_that_nobody_stops_ends_as_its_graph_does() -> None:
    life = running()

    assert (life.settle(FINISHED), life.phase, life.has_run) == (FINISHED, Phase.ENDING, True)


def test_one_that_is_stopped_before_its_first_step_is_not_cancelled_and_never_runs() -> None:
    life = Lifecycle()

    assert not life.stop(CANCEL)

    assert not life.prepare()
    assert not life.run()
    assert (life.settle(FINISHED), life.has_run) == (CANCEL, False)


def test_one_that_is_stopped_while_its_input_is_read_leaves_its_thread_alone() -> None:
    life = Lifecycle()
    life.prepare()

    assert life.stop(CANCEL)

    assert not life.run()
    assert (life.settle(FINISHED), life.has_run) == (CANCEL, False)


def test_a_later_attempt_may_have_touched_its_thread_before_it_runs() -> None:
    assert Lifecycle(has_run=True).has_run


@pytest.mark.parametrize(
    ("first", "second", "end"),
    [
        (CANCEL, FAILED, CANCEL),
        (FAILED, CANCEL, FAILED),
        (CANCEL, ROLL_BACK, ROLL_BACK),
        (FAILED, ROLL_BACK, End(FAILED.last, "roll_back")),
        (ROLL_BACK, CANCEL, ROLL_BACK),
        (HAND_BACK, ROLL_BACK, HAND_BACK),
        (CANCEL, HAND_BACK, CANCEL),
    ],
)
def test_the_first_stop_decides_and_a_roll_back_may_be_added(first: End, second: End, end: End) -> None:
    life = running()

    assert life.stop(first)
    assert not life.stop(second)

    assert life.settle(FINISHED) == end


ENDS = st.sampled_from([CANCEL, FAILED, ROLL_BACK, HAND_BACK])


@given(before=st.lists(ENDS), after=st.lists(ENDS), graph=st.sampled_from([FINISHED, FAILED]))
def test_an_end_that_is_settled_stays_and_a_task_is_cancelled_once(
    before: list[End], after: list[End], graph: End
) -> None:
    life = running()

    cancels = [life.stop(end) for end in before]
    settled = life.settle(graph)
    cancels += [life.stop(end) for end in after]

    assert cancels.count(True) == min(1, len(before))
    assert life.settle(FINISHED) == settled
    assert life.is_ending
