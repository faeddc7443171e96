"""A model of what a thread must hold after each thing that was done to it."""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from seltzer.runs.run import OnBusy
from seltzer.runs.threads.repair.open_calls import NO_RESULT
from tests.runs.histories.graph import ASKING, BLOCKING, CALLING, call_ids, kind_of
from tests.runs.histories.messages import Shown, completed, open_calls

Next = Literal["", "input", "work", "ask"]


LAST: Final = Shown("", "")  # in place of a message: the newest turn, whatever it has added


@dataclass(eq=False)
class State:
    """A state of the thread: its messages, and the turn that has written it.

    next: what runs from there without an input: the turn's input, what it was at, its question, or nothing.
    """

    messages: tuple[Shown, ...] = ()
    turn: "Turn | None" = None
    next: Next = ""

    @property
    def is_kept(self) -> bool:
        """Whether a turn begins or ends there, or a question was asked, or it was updated by hand."""
        return self.next != "work"


@dataclass(eq=False)
class Turn:
    """A run. given: what it adds to the thread; nothing, if it runs again what is next at its place.

    place: the state that it forks, if not the one where the turn begins that has added `at`, on the newest
    branch in its turn; of LAST the newest turn. base: the state that it began from; tip: the thread's newest
    one then; asks: the one with its input, from which it is run again.
    """

    run_id: str
    text: str = ""
    given: tuple[Shown, ...] = ()
    on_busy: OnBusy = "reject"
    place: State | None = None
    at: Shown | None = None
    answers: "Turn | None" = None
    status: str = "pending"
    code: str = ""
    base: State = field(default_factory=State)
    tip: State = field(default_factory=State)
    asks: State | None = None
    crashes: int = 0
    is_rolled_back: bool = False

    @property
    def kind(self) -> str:
        return kind_of(self.text)

    @property
    def is_active(self) -> bool:
        return self.status in ("pending", "running")

    @property
    def asker(self) -> "Turn":
        """The turn whose question is answered, at the beginning of a chain of answers; without one itself."""
        return self if self.answers is None else self.answers.asker


class Expected:
    """What the thread must hold. active never ends of itself; queue waits for it; question is open.

    is_function: a turn adds nothing to the thread before its end. loses_text: that of an answer that is cut
    off isn't in the log yet. turns: by run. edits: their keys. states: by
    checkpoint, as far as they were seen.
    """

    def __init__(self, *, is_function: bool = False) -> None:
        self.is_function = is_function
        self.loses_text = False
        self.delete()

    def delete(self) -> None:
        """Delete the thread."""
        self.exists = False
        self.tip = State()
        self.active: Turn | None = None
        self.queue: list[Turn] = []
        self.question: Turn | None = None
        self.has_failed = False
        self.edits: set[str] = set()
        self.turns: dict[str, Turn] = {}
        self.states: dict[str, State] = {}

    @property
    def status(self) -> str:
        if self.active is not None:
            return "busy"
        if self.question is not None:
            return "interrupted"
        return "error" if self.has_failed else "idle"

    def start(self, turn: Turn) -> None:
        """Begin the turn, at once or in its turn."""
        self.exists, self.turns[turn.run_id] = True, turn
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
        if self.question is not None:
            turn.status, turn.code = "error", "thread_interrupted"
            return
        place = (self.place_of(turn.at) if turn.at else None) or turn.place
        base = self._base(place)
        if turn.given:
            turn.asks = State(base.messages, turn, "input")
            self._work(turn, base, completed(base.messages, turn.given))
        elif base is not place or base.turn is None or not base.next:
            turn.status, turn.code = "error", "unknown_checkpoint"
        else:
            self._run_again(turn, base, base.turn)

    def _run_again(self, turn: Turn, base: State, first: Turn) -> None:
        turn.text, turn.given, turn.asks = first.text, first.given, first.asks
        if base.next == "input":
            self._work(turn, base, completed(base.messages, first.given))
        else:
            self._work(turn, base, base.messages, is_amid=True)

    def _work(self, turn: Turn, base: State, begun: tuple[Shown, ...], *, is_amid: bool = False) -> None:
        """Have the turn add to the thread; is_amid: it has made its calls already."""
        turn.base, turn.tip = base, self.tip
        turn.text = turn.text or next((each.text for each in reversed(begun) if each.kind == "human"), "")
        calls = call_ids(turn.text, turn.run_id)
        said = Shown("ai", f"said {turn.text} by {turn.run_id}")
        has_results = turn.given[-1].kind == "tool"
        added: tuple[Shown, ...] = ()
        if has_results or turn.kind == "say":
            added = (said,)
        elif not is_amid and turn.kind in CALLING:
            added = (Shown("ai", "", calls),)
        if turn.kind == "tool":
            added = (*added, Shown("tool", f"did {turn.text}", calls), said)
        self._settle(turn, (*begun, *added), has_results=has_results)

    def _settle(self, turn: Turn, messages: tuple[Shown, ...], *, has_results: bool) -> None:
        next_: Next = ""
        turn.status = "success"
        if has_results:
            pass
        elif turn.kind in BLOCKING:
            self.active, turn.status, next_ = turn, "running", "work"
        elif turn.kind in ASKING:
            self.question, turn.status, next_ = turn, "interrupted", "ask"
        elif turn.kind == "fail":
            turn.status, turn.code = "error", "graph_error"
        self.has_failed = turn.status == "error"
        if self.is_function and turn.status != "success":
            messages, next_ = turn.base.messages, "input"
        self.tip = State(messages, turn, next_)

    def end_active(self, *, rolls_back: bool = False) -> None:
        """Cancel the active turn."""
        assert self.active is not None
        turn, self.active = self.active, None
        turn.status, self.has_failed = "cancelled", False
        if turn.answers is not None:  # its question stands
            self.question = turn.answers
        elif rolls_back:
            self._roll_back(turn)
        elif not self.is_function:
            half = Shown("ai", f"half {turn.text} by {turn.run_id}")
            added = _error_results(self.tip.messages)
            if turn.kind == "wait" and not self.loses_text:
                added = (half,)
            self.tip = State((*self.tip.messages, *added), turn)

    def withdraw(self) -> None:
        """Withdraw the question: the turn's work so far is kept."""
        self.question, self.has_failed = None, False
        added = () if self.is_function else _error_results(self.tip.messages)
        self.write((*self.tip.messages, *added), self.tip)

    def write(self, messages: tuple[Shown, ...], base: State, next_: Next = "") -> None:
        """Update the state by hand."""
        turn = base.turn if next_ else None
        by_hand = replace(turn, is_rolled_back=False) if turn else Turn("by hand", base=base)
        by_hand.asks = base.turn.asks if base.turn else None
        self.tip = State(messages, by_hand, next_)

    def die(self, *, has_crashed: bool = True) -> None:
        """Have the process end. An answer that the graph has only begun to use is asked for again."""
        for turn in self.turns.values():
            turn.crashes += has_crashed and turn.is_active
        active = self.active
        if active is not None and active.answers is not None:
            self.active = None
            self.ask_again(active, active.answers)
            self.begin_waiting()

    def ask_again(self, turn: Turn, answered: Turn) -> None:
        """Have the graph ask again in a run that was to answer."""
        self.turns[turn.run_id], self.question = turn, turn
        turn.status, turn.text, turn.asks = "interrupted", answered.text, answered.asks

    def begin_waiting(self) -> None:
        """Begin what waits, one after the other, until one of them never ends."""
        while self.queue and self.active is None:
            self.begin(self.queue.pop(0))

    def _answer(self, turn: Turn) -> None:
        asked = turn.asker
        self.question, turn.text, turn.asks = None, asked.text, asked.asks
        if asked.kind == "askwait":
            self.active, turn.status = turn, "running"
            return
        by = f"{asked.text} by {turn.run_id}"
        answer: tuple[Shown, ...] = (Shown("ai", f"yes to {by}"),)
        before = completed(asked.base.messages, asked.given) if self.is_function else self.tip.messages
        if asked.kind == "asktool":
            if self.is_function:
                before = (*before, Shown("ai", "", call_ids(turn.text, turn.run_id)))
            call = before[-1].calls
            answer = (Shown("tool", f"yes to {asked.text}", call), Shown("ai", f"said {by}"))
        turn.base = turn.tip = self.tip
        self.tip = State((*before, *answer), turn)
        turn.status, self.has_failed = "success", False

    def place_of(self, message: Shown) -> State | None:
        """Return the state with the input of the turn that has added the message to the newest branch."""
        if message == LAST:
            return self.tip.turn.asks if self.tip.turn else None
        found, end = None, self.tip
        while end.turn is not None and end.turn.asks is not None and message in end.messages:
            found = end.turn.asks
            assert found.turn is not None
            end = found.turn.base
        return found

    def _base(self, place: State | None) -> State:
        state = self.tip if place is None else nearest(place)
        return state if state.turn is not None else self.tip

    def _roll_back(self, turn: Turn) -> None:
        turn.is_rolled_back = True
        self.tip, self.question = turn.tip, None


def nearest(state: State) -> State:
    """Return the state itself, or the nearest one before it that wasn't rolled back."""
    while state.turn is not None and state.turn.is_rolled_back:
        state = state.turn.base
    return state


def before(asks: State | None) -> State:
    """Return the state before the turn that begins there, and before the one that it has replaced, if any."""
    assert asks is not None
    assert asks.turn is not None
    base = asks.turn.base
    return before(base) if base.next == "input" else base


def _error_results(messages: tuple[Shown, ...]) -> tuple[Shown, ...]:
    return tuple(Shown("tool", NO_RESULT, (call,)) for call in open_calls(messages))
