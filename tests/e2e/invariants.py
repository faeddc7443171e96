"""What is true after a storm, whenever the server was killed. Each invariant is a function with its name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

from seltzer.cursor import Cursor
from seltzer.runs.event import TERMINAL_KINDS
from seltzer.runs.run import STATUS_OF_LAST
from tests.e2e.answers import answer_to, expression_of
from tests.e2e.storm import Storm, Turn
from tests.protocols.following import Seen, text_of

ATTEMPTS_LIMIT = 3  # a run that was killed as often is given up: `run_crashed`


def accepted(storm: Storm) -> list[Turn]:
    """Return the turns whose run the client has the id of."""
    return [turn for turn in storm.turns if turn.run_id is not None]


def every_accepted_run_reaches_exactly_one_terminal_event(storm: Storm) -> None:
    for turn in accepted(storm):
        for read in (turn.replay, turn.seen) if not turn.is_attached else (turn.replay,):
            last = [event.id for event in read if event.kind in TERMINAL_KINDS]
            assert last == [read[-1].id], turn


def status_row_and_terminal_event_agree(storm: Storm) -> None:
    for turn in accepted(storm):
        last = turn.replay[-1]
        assert turn.run["status"] == STATUS_OF_LAST[last.kind], turn
        assert turn.run["attempt"] == Cursor.parse(last.id).attempt, turn
        if last.kind == "failed":
            assert turn.run["error"] == last.data, turn


def no_event_comes_twice_or_out_of_order(storm: Storm) -> None:
    """A replay has no holes either; a reader may miss the last events of an attempt that died."""
    for turn in accepted(storm):
        for read in (turn.seen, turn.replay):
            cursors = [Cursor.parse(event.id) for event in read]
            assert all(one < next_one for one, next_one in pairwise(cursors)), turn
            for attempt, events in _attempts(read):
                assert [Cursor.parse(event.id).seq for event in events] == list(range(1, len(events) + 1)), (
                    attempt,
                    turn,
                )


def a_new_attempt_begins_with_started_and_state(storm: Storm) -> None:
    for turn in accepted(storm):
        for read in (turn.seen, turn.replay):
            for attempt, events in _attempts(read):
                assert events[0].kind == "started", turn
                assert events[0].data["attempt"] == attempt, turn
                if attempt > 1 and len(events) > 1 and not _was_abandoned(turn):
                    assert events[1].kind == "state", turn


def a_reader_has_what_a_replay_has(storm: Storm) -> None:
    """Of the last attempt all of it; of one that died a reader may have seen more than the log."""
    for turn in accepted(storm):
        if turn.is_attached:
            continue
        replay, seen = dict(_attempts(turn.replay)), dict(_attempts(turn.seen))
        last = max(replay)
        assert seen[last] == replay[last], turn
        for attempt, events in replay.items():
            assert seen[attempt][: len(events)] == events, turn


def each_human_message_is_there_exactly_once_and_in_order(storm: Storm) -> None:
    for thread_id, messages in storm.threads.items():
        there = [each["content"] for each in messages if each["type"] == "human"]
        turns = [turn for turn in storm.turns if turn.thread_id == thread_id]
        # what a request died over, or a run that was given up, may have died before it was kept
        wanted = [turn.question for turn in turns if turn.question in there or not _may_be_lost(turn)]
        assert there == wanted, thread_id


def no_tool_call_is_unanswered(storm: Storm) -> None:
    for thread_id, messages in storm.threads.items():
        called = [call["id"] for each in messages if each["type"] == "ai" for call in each["tool_calls"]]
        answered = [each["tool_call_id"] for each in messages if each["type"] == "tool"]
        assert called == answered, (thread_id, messages)
    assert storm.answers.refused == []


def a_finished_node_is_not_repeated_but_at_a_crash(storm: Storm) -> None:
    computed = storm.computed()
    for turn in storm.turns:
        calculates = turn.question.startswith("sum")
        calls = storm.answers.asked[turn.question]
        runs = computed[expression_of(turn.question)]
        crashes = turn.run.get("attempt", 1) - 1
        assert calls + runs <= (3 if calculates else 1) + crashes, turn


def the_answer_is_whole(storm: Storm) -> None:
    """In the run, in the thread, and as a reader pieced it together."""
    for turn in accepted(storm):
        if turn.run["status"] == "success":
            answer = answer_to(turn.question)
            messages = storm.threads[turn.thread_id]
            assert turn.run["output"] == answer, turn
            assert answer in [each["content"] for each in messages if each["type"] == "ai"], turn
            assert pieced_together(turn.replay) == answer, turn
        else:
            assert _may_be_lost(turn), turn


def a_cancelled_run_keeps_what_it_had_said(storm: Storm) -> None:
    """Its question and its text so far stay in the thread; one that had ended before is left as it was."""
    for turn in accepted(storm):
        if not turn.is_cancelled or turn.run["status"] == "success":
            continue
        assert turn.run["status"] == "cancelled" or _was_given_up(turn), turn
        messages = storm.threads[turn.thread_id]
        if text := text_of(_attempts(turn.replay)[-1][1]):
            assert turn.question in [each["content"] for each in messages if each["type"] == "human"], turn
            assert [each["content"] for each in messages if each["type"] == "ai"][-1].endswith(text), turn


def an_attached_run_whose_process_died_has_failed(storm: Storm) -> None:
    for turn in accepted(storm):
        if turn.is_attached and turn.run["status"] != "success":
            assert (turn.run["status"], turn.run["error"]["code"]) == ("error", "client_gone"), turn
            assert not turn.is_ended, turn


def the_thread_is_usable(storm: Storm) -> None:
    for place, thread_id in enumerate(storm.threads):
        question = f"brief {place}"

        read = storm.ask_once_more(thread_id, question)

        assert read[-1].kind == "finished", (thread_id, read[-1])
        assert text_of(read) == answer_to(question), thread_id


INVARIANTS = (
    every_accepted_run_reaches_exactly_one_terminal_event,
    status_row_and_terminal_event_agree,
    no_event_comes_twice_or_out_of_order,
    a_new_attempt_begins_with_started_and_state,
    a_reader_has_what_a_replay_has,
    each_human_message_is_there_exactly_once_and_in_order,
    no_tool_call_is_unanswered,
    a_finished_node_is_not_repeated_but_at_a_crash,
    the_answer_is_whole,
    a_cancelled_run_keeps_what_it_had_said,
    an_attached_run_whose_process_died_has_failed,
    the_thread_is_usable,
)


def pieced_together(read: Sequence[Seen]) -> str:
    """Return the answer as a reader has it: from the last state on, without what was before it."""
    states = [place for place, event in enumerate(read) if event.kind == "state"]
    rest = list(read[states[-1] :]) if states else list(read)
    if text := text_of(rest):
        return text
    values: dict[str, Any] = rest[0].data["values"]
    return str(values["messages"][-1]["content"])


def _attempts(read: Sequence[Seen]) -> list[tuple[int, list[Seen]]]:
    by_attempt = groupby(read, key=lambda event: Cursor.parse(event.id).attempt)
    return [(attempt, list(events)) for attempt, events in by_attempt]


def _was_given_up(turn: Turn) -> bool:
    error = turn.run.get("error") or {}
    return error.get("code") == "run_crashed" and turn.run["attempt"] > ATTEMPTS_LIMIT


def _was_abandoned(turn: Turn) -> bool:
    return turn.is_attached or turn.is_cancelled or _was_given_up(turn)


def _may_be_lost(turn: Turn) -> bool:
    if turn.is_attached or turn.is_cancelled:
        return turn.run.get("status") != "success"
    return _was_given_up(turn)
