"""A run's last word: how it ended, before the engine numbers it."""

from typing import Final

from seltzer.errors import RunFailed
from seltzer.runs.execution.translator import Emission, Translator

CANCELLED: Final = Emission("cancelled", {})


def failed(error: RunFailed) -> Emission:
    """Return the last word of a run that failed."""
    about = {"code": error.code, "message": str(error)}
    return Emission("failed", {**about, "retryable": error.retryable, "retry_after_s": error.retry_after_s})


def finished(translator: Translator, duration_s: float) -> Emission:
    """Return the last word of a run whose graph has come to its end, or asks something."""
    if translator.interrupts:
        return Emission("interrupted", {"interrupts": translator.interrupts})
    return Emission("finished", {"usage": translator.usage, "duration_ms": round(duration_s * 1000)})
