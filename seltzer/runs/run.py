"""A run: one execution of a graph on a thread."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from seltzer.errors import InvalidInput
from seltzer.runs.event import Event, Json, RunId

Status = Literal["pending", "running", "success", "error", "interrupted", "cancelled"]
OnBusy = Literal["reject", "enqueue", "interrupt", "rollback"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
ON_BUSY: Final[tuple[OnBusy, ...]] = get_args(OnBusy)
Owner: TypeAlias = str  # the principal that a thread and its runs belong to
DEFAULT_OWNER: Final[Owner] = ""  # of everything, as long as there are no keys
Stop = Literal["cancel", "rollback"]  # rollback removes the run's work from the thread, too

STATUS_OF_LAST: Final[dict[str, Status]] = {
    "finished": "success",
    "failed": "error",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}
ACTIVE: Final[frozenset[Status]] = frozenset({"pending", "running"})


@dataclass(frozen=True, slots=True)
class Labels:
    """What a request calls its run, in the config of its graph, models and tools, and so in traces."""

    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Json] = field(default_factory=dict)
    run_name: str = ""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What to run.

    input is the graph's own (for a graph on messages what its message_input() makes); None has the graph run
    again from checkpoint_id.
    An attached run lives and dies with the request that started it. max_steps is 0 where none was requested:
    the graph's own limit counts, or else the server's. configurable is handed to the graph as it is; context
    is for its context_schema, None if there is none. on_busy says what to do if the thread has a run
    already. answers are to the interrupts the thread waits on, by their ids, none at a breakpoint; input is
    None then, and answered names the run that asked: the newest one. checkpoint_id forks the thread from
    there; from_message forks it from where that message's turn began, the newest turn's if it is empty, as it
    is when the run begins: checkpoint_id is what that was when it was requested. is_edit: it changes the
    thread's state without executing the graph (edits/). digest distinguishes bodies where a client sent the
    run's id twice. title is what a new thread is called. owner: a
    thread has one, and so have all its runs.
    """

    graph: str
    input: Any
    thread_id: str
    run_id: RunId
    attached: bool = False
    max_steps: int = 0
    configurable: Mapping[str, Json] = field(default_factory=dict)
    context: Mapping[str, Json] | None = None
    labels: Labels = field(default_factory=Labels)
    on_busy: OnBusy = "reject"
    answers: Mapping[str, Json] | None = None
    answered: RunId | None = None
    checkpoint_id: str | None = None
    from_message: str | None = None
    is_edit: bool = False
    digest: str = ""
    title: str = ""
    owner: Owner = DEFAULT_OWNER


class RunStatus(NamedTuple):
    """How far a run is. last is the terminal event, once there is one."""

    status: Status
    attempt: int
    last: Event | None


@dataclass(frozen=True, slots=True)
class Run:
    """A run's current state.

    number counts the runs of a store, 1, 2, 3 ..: the newest run of a thread has the highest. attempt is 0
    before the first. last is the terminal event, once there is one. output is the graph's result as JSON,
    once status is success: the answer's text for a graph on messages, or `{text, tool_calls}` if it ends on
    calls that its client is to run. crashes counts the attempts whose process died over them; one that was
    handed back didn't.
    """

    spec: RunSpec
    status: Status
    attempt: int
    number: int
    created_at: datetime
    last: Event | None = None
    output: Json = None
    crashes: int = 0

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE


@dataclass(frozen=True, slots=True)
class AttemptStats:
    """What an attempt did, by the clock of its process.

    duration_ms and first_token_ms count from its beginning, to its end and to its first `token` event, if it
    emitted one. tokens: how many of these it emitted. usage: the sum over its model calls, as in `finished`.
    """

    duration_ms: int
    first_token_ms: int | None = None
    tokens: int = 0
    usage: Json = None


@dataclass(frozen=True, slots=True)
class RunSearch:
    """Which runs to list: those that match everything given, the newest first, at most limit of them.

    graphs and statuses: of any of these. before: only those whose number is below it.
    """

    graphs: Collection[str]
    statuses: Collection[Status] = STATUSES
    thread_id: str | None = None
    before: int | None = None
    limit: int = 50
    owner: Owner | None = None

    @property
    def below(self) -> int:
        """What the numbers are below, in every case."""
        return 2**63 - 1 if self.before is None else self.before


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a list: its row without what it was given and what it has made.

    started_at: when its last attempt was leased; None while it waits, or if it never began. stats: of the
    attempt that ended it, if one did.
    """

    run_id: RunId
    graph: str
    thread_id: str
    number: int
    status: Status
    attempt: int
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last: Event | None = None
    stats: AttemptStats | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to execute a run until a deadline; run.attempt is the fence.

    stop: it was requested to end. is_thread_new: the run is the first one on its thread. age_s: how long
    before the lease the run was created, by the store's clock.
    """

    run: Run
    worker: str
    stop: Stop | None = None
    is_thread_new: bool = False
    age_s: float = field(default=0.0, compare=False)


def check_max_steps(value: object, field: str, limit: int) -> int:
    """Return the value if a request may have that many steps. Raises InvalidInput naming the field."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= limit:
        return value
    raise InvalidInput(field, f"must be an integer from 1 to {limit}")


def check_on_busy(value: object, field: str) -> OnBusy:
    """Return the value if it names what to do on a busy thread. Raises InvalidInput naming the field."""
    for each in ON_BUSY:
        if value == each:
            return each
    raise InvalidInput(field, f"must be one of {', '.join(ON_BUSY)}")
