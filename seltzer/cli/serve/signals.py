"""The signals that ask a server to stop."""

import signal
from typing import Final


def _stopping() -> tuple[signal.Signals, ...]:
    signals = [signal.SIGINT, signal.SIGTERM]
    # nohup has a program ignore the hang-up of its terminal, and that has to stay.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    return tuple(signals)


STOPPING: Final = _stopping()
