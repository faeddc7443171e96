"""The contexts that tasks and timers run in.

A task or a timer inherits the context of its creator. What serves the whole process would carry the
first request's; a run, the caller's own variables and the configuration of a LangChain call around it.
"""

import sys
from contextvars import Context
from typing import Any

from seltzer.runs.execution.isolation.exits import contained


def run_context() -> Context:
    """Return a context for a run: it carries the caller's trace, and nothing else of the caller's."""
    context = contained()
    tracing: Any = sys.modules.get("opentelemetry.context")  # imported by whatever traces
    if tracing is not None and (trace := tracing.get_current()):
        context.run(tracing.attach, trace)
    return context
