"""Shifts the clock of a Python process by $CLOCK_SHIFT_S seconds: put this folder on PYTHONPATH.

What a machine does whose clock is set. Only clocks of the time of day; the monotonic ones continue.
"""

import datetime
import os
import time

_SHIFT_S = int(os.environ.get("CLOCK_SHIFT_S", "0"))
_time, _time_ns = time.time, time.time_ns


class _Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "_Shifted":
        return super().now(tz) + datetime.timedelta(seconds=_SHIFT_S)


time.time = lambda: _time() + _SHIFT_S
time.time_ns = lambda: _time_ns() + _SHIFT_S * 1_000_000_000
datetime.datetime = _Shifted  # type: ignore[misc]  # it is a datetime, and everything after it uses it
