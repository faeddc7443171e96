"""The events that end a run."""

from typing import Final

from seltzer.errors import RunFailed
from seltzer.runs.execution.translation.translator import Emission, Translator

CANCELLED: Final = Emission("cancelled", {})


def failed(error: RunFailed) -> Emission:
    """Return the terminal event of a run that failed."""
    about = {"code": error.code, "message": str(error)}
    return Emission("failed", {**about, "retryable": error.retryable, "retry_after_s": error.retry_after_s})


def finished(translator: Translator, duration_s: float) -> Emission:
    """Return the terminal event of a run whose graph has ended, or has paused at an interrupt."""
    if translator.is_interrupted:
        return Emission("interrupted", {"interrupts": translator.interrupts})
    return Emission("finished", {"usage": translator.usage, "duration_ms": round(duration_s * 1000)})
