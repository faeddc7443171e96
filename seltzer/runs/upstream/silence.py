"""Ends runs whose model's provider has fallen silent, whatever package asks it.

Each package has timeouts and retries of its own, some of many minutes; nothing but the run's callbacks is
common to all. They show when a call begins, each of its chunks, and its end, but not that it was cancelled
while its answer was awaited as a whole.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from types import CoroutineType
from typing import Any, Final
from uuid import UUID

from seltzer.runs.upstream.called_model import MODELS

# Of packages whose models stream. Any other model may make a whole answer, and may take its time.
_STREAMING: Final = frozenset(
    {"openai", "azure", "anthropic", "google_genai", "google_vertexai", "ollama", "mistral"}
    | {"amazon_bedrock", "deepseek", "xai", "groq"}
)
_TIMEOUTS: Final = ("timeout", "request_timeout", "default_request_timeout")  # as the packages name theirs
_CLIENT_OPTIONS: Final = ("client_kwargs", "async_client_kwargs", "sync_client_kwargs", "client_args")
_BOTOCORES_S: Final = 60  # the read_timeout of a Config in which nobody has set it
_LATER: Final = 1.02  # than models that have the same limit: their error is one that a graph can handle


@dataclass(slots=True)
class _Call:
    """A call in progress. last: when its latest sign of life was; task: None in a thread."""

    limit_s: float
    last: float
    task: asyncio.Task[Any] | None

    @property
    def deadline(self) -> float:
        return self.last + self.limit_s


class SilenceWatch:
    """Watches the model calls of a run by one timer, and calls on_silence once if one is silent for limit_s.

    A model with a longer timeout of its own has as long as that. Calls begin and end in any thread. Without a
    limit nothing is watched.
    """

    def __init__(self, limit_s: float | None = None, on_silence: Callable[[], None] | None = None) -> None:
        self._limit_s = limit_s
        self._on_silence = on_silence
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._calls: dict[UUID, _Call] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(
        self, run_id: UUID, metadata: Mapping[str, Any] | None, options: Mapping[str, Any] | None
    ) -> None:
        """Watch a call that begins, if its model streams. metadata: as its callback gets them.

        options: of the model and of the call; None if they aren't known.
        """
        if self._limit_s is None or (metadata or {}).get("ls_provider") not in _STREAMING or options is None:
            return
        limit_s = _limit_of(options, self._limit_s)
        if limit_s is None:
            return
        is_in_loop = threading.get_ident() == self._thread
        task = asyncio.current_task() if is_in_loop else None
        if task is not None:  # a task awaits one answer at a time: an earlier one was cancelled
            for other, call in list(self._calls.items()):
                if call.task is task:
                    self.end(other)
        self._calls[run_id] = _Call(limit_s, monotonic(), task)
        if is_in_loop:
            self._set_timer()
        else:
            self._loop.call_soon_threadsafe(self._set_timer)

    def note(self, run_id: UUID) -> None:
        """Note a chunk of a call."""
        call = self._calls.get(run_id)
        if call is not None:
            call.last = monotonic()

    def end(self, run_id: UUID) -> None:
        """Watch the call no longer."""
        self._calls.pop(run_id, None)

    def close(self) -> None:
        """Watch nothing any more."""
        self._limit_s = self._on_silence = None
        self._calls.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        """Have _check called when the first of the calls may have been silent for too long, or before.

        A timer that is due before that stays: chunks move deadlines back, and it would be moved for each.
        """
        deadlines = [call.deadline for call in list(self._calls.values())]
        if not deadlines:
            return
        due = self._loop.time() + max(0.0, min(deadlines) - monotonic())
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._check)

    def _check(self) -> None:
        self._timer, now = None, monotonic()
        overdue = [(run_id, call) for run_id, call in list(self._calls.items()) if call.deadline <= now]
        for run_id, call in overdue:
            if _is_awaited(call.task):
                on_silence = self._on_silence
                self.close()
                if on_silence is not None:
                    on_silence()
                return
            self.end(run_id)
        self._set_timer()


def _limit_of(options: Mapping[str, Any], limit_s: float) -> float | None:
    """Return how long a model may be silent; None if that isn't known, or it makes whole answers.

    Nor is it known of a model with a rate limiter: LangChain waits for that within the call.
    """
    if options.get("rate_limiter") is not None or _makes_whole_answers(options):
        return None
    own = [each for each in _timeouts(options) if each is not None]
    seconds = [float(each) for each in own if isinstance(each, int | float)]
    return max([limit_s, *seconds]) * _LATER if len(seconds) == len(own) else None


def _makes_whole_answers(options: Mapping[str, Any]) -> bool:
    """Return whether LangChain doesn't stream this call, whatever the graph asks for."""
    disabled = options.get("disable_streaming")
    if disabled is True or (disabled == "tool_calling" and options.get("tools")):
        return True
    return not options.get("stream", True) or options.get("streaming") is False


def _timeouts(options: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the model's own timeouts, wherever its package has them."""
    for name in _TIMEOUTS:
        yield options.get(name)
    for name in _CLIENT_OPTIONS:
        yield (options.get(name) or {}).get("timeout")
    read_s = getattr(options.get("config"), "read_timeout", None)
    yield None if read_s == _BOTOCORES_S else read_s


def _is_awaited(task: asyncio.Task[Any] | None) -> bool:
    """Return whether the task may still be awaiting a model, as far as can be seen."""
    if task is None:
        return True
    step: Any = None if task.done() else task.get_coro()
    while isinstance(step, CoroutineType):
        if step.cr_frame is not None and step.cr_frame.f_globals["__name__"].startswith(MODELS):
            return True
        step = step.cr_await
    return type(step).__name__.startswith("async_generator")  # into which nobody can look
