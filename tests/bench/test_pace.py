"""Streams at a pace tick at different moments."""

import pytest

from bench.load import Load
from bench.plan import FULL, QUICK, Plan
from bench.scenarios import PACE_MS


@pytest.mark.parametrize("plan", [FULL, QUICK], ids=["full", "quick"])
def test_no_two_streams_begin_a_multiple_of_the_pace_apart(plan: Plan) -> None:
    streams = plan.paced_streams
    paced = Load.paced(streams, plan.paced_tokens, PACE_MS, plan.seconds)

    begun_ms = [round(paced.ramp_s * 1000 * n / streams) for n in range(streams)]

    assert len({each % PACE_MS for each in begun_ms}) == streams
    assert paced.warmup_s > paced.ramp_s
