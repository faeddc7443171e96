"""The runs that a request to LangServe is for, as its runnable sees them."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from langchain_core.callbacks import Callbacks
from starlette.requests import Request

from seltzer.protocols.http.attached_runs import AttachedRuns
from seltzer.protocols.http.bodies.config import RunConfig
from seltzer.protocols.http.bodies.modifier import ConfigModifier
from seltzer.runs.event import Event, RunId
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.run import OnBusy, RunSpec

REQUEST: Final = "__seltzer_request"  # the key in `configurable` of a ServedRequest


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The run of one input: its thread, what to do if that is busy, its title if it is new, and its config.

    input: in the graph's own form. added: what the app's owner adds to `configurable`.
    """

    thread_id: str
    on_busy: OnBusy
    title: str
    input: Any
    config: RunConfig
    added: Mapping[str, Any] = field(default_factory=dict)

    async def modified(
        self, modifier: ConfigModifier, request: Request, configurable: Mapping[str, Any]
    ) -> "RunRequest":
        """Return what the owner's function makes of it; configurable is what the client sent."""
        result = await modifier.apply(request, self.thread_id, configurable)
        return replace(self, thread_id=result.thread_id, added=result.added)

    def spec(self, graph: str, run_id: RunId, input: Any) -> RunSpec:
        """Return the run, attached to its request."""
        return RunSpec(
            graph=graph,
            input=input,
            thread_id=self.thread_id,
            run_id=run_id,
            attached=True,
            max_steps=self.config.max_steps,
            configurable={**self.config.configurable, **self.added},
            context=self.config.context,
            labels=self.config.labels,
            on_busy=self.on_busy,
            title=self.title,
        )


@dataclass(frozen=True, slots=True)
class EventForm:
    """How /stream_events and /stream_log are written: as events of a version, as patches or whole logs."""

    version: Literal["v1", "v2"] = "v2"
    shows_whole_log: bool = False


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """A request to LangServe as its runnable sees it.

    reservation is its run's; None for a batch, whose runs are named by LangServe.
    """

    attachment: AttachedRuns
    runs: tuple[RunRequest, ...]
    reservation: Reservation | None
    form: EventForm = EventForm()

    @property
    def run_id(self) -> RunId | None:
        return self.reservation.run_id if self.reservation else None

    def run(self, spec: RunSpec, callbacks: Callbacks = None) -> AsyncGenerator[Event]:
        """Run it, and yield its events."""
        return self.attachment.run(spec, callbacks, reservation=self.reservation)
