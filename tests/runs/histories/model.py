"""A model of what a thread must hold after each thing that was done to it."""

from dataclasses import dataclass, field

from seltzer.errors import AppError, NotInterrupted, ThreadBusy, ThreadInterrupted
from seltzer.runs.run import OnBusy
from seltzer.runs.threads.input.completion import CONTINUED
from seltzer.runs.threads.repair.open_calls import NO_RESULT
from tests.runs.histories.graph import ASKING, BLOCKING, Shown


@dataclass(eq=False)
class State:
    """A state of the thread: its messages, and the turn that has written it."""

    messages: tuple[Shown, ...] = ()
    turn: "Turn | None" = None


@dataclass(eq=False)
class Turn:
    """A run. base: the state that it began from; tip: the thread's newest one then."""

    run_id: str
    text: str
    on_busy: OnBusy = "reject"
    fork: State | None = None
    answers: "Turn | None" = None
    status: str = "pending"
    code: str = ""
    base: State = field(default_factory=State)
    tip: State = field(default_factory=State)
    crashes: int = 0
    is_rolled_back: bool = False

    @property
    def kind(self) -> str:
        return self.text.partition(" ")[0]

    @property
    def asker(self) -> "Turn":
        """The turn whose question is answered, at the beginning of a chain of answers; without one itself."""
        return self if self.answers is None else self.answers.asker


class Expected:
    """What the thread must hold. active never ends of itself; queue waits for it; question is open."""

    def __init__(self) -> None:
        self.tip = State()
        self.active: Turn | None = None
        self.queue: list[Turn] = []
        self.question: Turn | None = None

    @property
    def status(self) -> str:
        if self.active is not None:
            return "busy"
        return "interrupted" if self.question is not None else "idle"

    def refusal(self, turn: Turn) -> type[AppError] | None:
        """Return the error that the turn gets at once, if it does."""
        if turn.answers is not None:
            return NotInterrupted if self.active or self.question is not turn.answers else None
        if self.active is not None:
            return ThreadBusy if turn.on_busy == "reject" else None
        return ThreadInterrupted if self.question and turn.on_busy != "rollback" else None

    def start(self, turn: Turn) -> None:
        """Begin the turn, at once or in its turn."""
        if self.active is not None and turn.on_busy == "enqueue":
            self.queue.append(turn)
            return
        if self.active is not None:
            for waiting in self.queue:
                waiting.status = "cancelled"
            self.queue = []
            self.end_active(rolls_back=turn.on_busy == "rollback")
        self.begin(turn)

    def begin(self, turn: Turn) -> None:
        if turn.answers is not None:
            self._answer(turn)
            return
        if self.question is not None and turn.on_busy == "rollback":
            self._roll_back(self.question.asker)
            self.question = None
        if self.question is not None:
            turn.status, turn.code = "error", "thread_interrupted"
            return
        turn.tip, turn.base = self.tip, self._base(turn)
        human, call = Shown("human", turn.text), Shown("ai", "", turn.text)
        begun = (*_completed(turn.base.messages), human)
        added = {
            "say": (Shown("ai", f"said {turn.text}"),),
            "tool": (call, Shown("tool", f"did {turn.text}", turn.text), Shown("ai", f"said {turn.text}")),
            "client": (call,),
            "stuck": (call,),
        }.get(turn.kind, ())
        self.tip = State((*begun, *added), turn)
        turn.status = "success"
        if turn.kind in BLOCKING:
            self.active, turn.status = turn, "running"
        elif turn.kind in ASKING:
            self.question, turn.status = turn, "interrupted"

    def end_active(self, *, rolls_back: bool) -> None:
        """Cancel the active turn."""
        assert self.active is not None
        turn, self.active = self.active, None
        turn.status = "cancelled"
        if turn.answers is not None:  # its question stands
            self.question = turn.answers
        elif rolls_back:
            self._roll_back(turn)
        elif turn.kind == "wait":
            self.tip = State((*self.tip.messages, Shown("ai", f"half {turn.text}")), turn)
        else:
            self.tip = State((*self.tip.messages, Shown("tool", NO_RESULT, turn.text)), turn)

    def die(self) -> None:
        """Have the process end. An answer that the graph has only begun to use is asked for again."""
        if self.active is not None and self.active.answers is not None:
            self.question, self.active = self.active, None
            self.question.status = "interrupted"
            self.begin_waiting()

    def begin_waiting(self) -> None:
        """Begin what waits, one after the other, until one of them never ends."""
        while self.queue and self.active is None:
            self.begin(self.queue.pop(0))

    def _answer(self, turn: Turn) -> None:
        assert turn.answers is not None
        self.question = None
        if turn.asker.kind == "askwait":
            self.active, turn.status = turn, "running"
            return
        answer = Shown("ai", f"yes to {turn.asker.text}")
        turn.base = turn.tip = self.tip
        self.tip = State((*self.tip.messages, answer), turn)
        turn.status = "success"

    def _base(self, turn: Turn) -> State:
        state = nearest(turn.fork) if turn.fork is not None else self.tip
        return state if state.turn is not None else self.tip

    def _roll_back(self, turn: Turn) -> None:
        turn.is_rolled_back = True
        self.tip = turn.tip


def nearest(state: State) -> State:
    """Return the state itself, or the nearest one before it that wasn't rolled back."""
    while state.turn is not None and state.turn.is_rolled_back:
        state = state.turn.base
    return state


def _completed(messages: tuple[Shown, ...]) -> tuple[Shown, ...]:
    last = messages[-1] if messages else None
    is_open = last is not None and last.kind == "ai" and last.call
    return (*messages, Shown("tool", CONTINUED, last.call)) if last and is_open else messages
