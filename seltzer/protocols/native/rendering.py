"""Runs, threads and states -> the JSON that clients of the native routes read."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from starlette.responses import JSONResponse

from seltzer.runs.event import Event, Json
from seltzer.runs.jsonable import dumps
from seltzer.runs.run import Run, RunSummary
from seltzer.runs.thread import Thread, ThreadStorage
from seltzer.runs.threads.history import HistoryPage
from seltzer.runs.threads.snapshots import Snapshot, off_loop
from seltzer.runs.threads.turn_list import Turn, TurnPage
from seltzer.runs.threads.turns import Branch

_WHY: Final = ("code", "message", "retryable", "retry_after_s")


class JsonResponse(JSONResponse):
    """JSON of anything, odd values included."""

    def render(self, content: Any) -> bytes:
        return dumps(content)


async def rendered(content: Json) -> JsonResponse:
    """Return the JSON of what may be long: it is rendered in a thread."""
    return await off_loop(partial(JsonResponse, content))


def run_json(run: Run) -> Json:
    kind, data = (run.last.kind, run.last.data) if run.last else (None, {})
    return {
        "run_id": run.spec.run_id,
        "thread_id": run.spec.thread_id,
        "graph": run.spec.graph,
        "status": run.status,
        "attempt": run.attempt,
        "created_at": _time(run.created_at),
        "output": run.output,
        "error": {name: data[name] for name in _WHY} if kind == "failed" else None,
        "interrupts": data["interrupts"] if kind == "interrupted" else [],
    }


def runs_page_json(runs: Sequence[RunSummary], limit: int) -> Json:
    """Return a page of at most limit runs; one more than these means that there is a next page."""
    page = runs[:limit]
    return {
        "runs": [_summary_json(each) for each in page],
        "next_cursor": str(page[-1].number) if len(runs) > limit else None,
    }


def _summary_json(run: RunSummary) -> Json:
    """Return the run; of one that ended before there were stats, what its terminal event has of them."""
    stats, data = run.stats, run.last.data if run.last else {}
    return {
        "run_id": run.run_id,
        "graph": run.graph,
        "thread_id": run.thread_id,
        "status": run.status,
        "attempt": run.attempt,
        "created_at": _time(run.created_at),
        "started_at": _time(run.started_at) if run.started_at else None,
        "ended_at": _time(run.ended_at) if run.ended_at else None,
        "duration_ms": stats.duration_ms if stats else data.get("duration_ms"),
        "first_token_ms": stats.first_token_ms if stats else None,
        "tokens": stats.tokens if stats else None,
        "usage": stats.usage if stats else data.get("usage"),
        "error": data["code"] if run.status == "error" else None,
    }


def log_json(run: Run, events: Sequence[Event], limit: int, limit_bytes: int) -> Json:
    """Return a page of the run's events: at most limit of them, and no more once it is limit_bytes long."""
    page: list[Json] = []
    length = 0
    for event in events[:limit]:
        page.append(_event_json(event))
        length += len(dumps(event.data))
        if length >= limit_bytes:
            break
    return {
        "run_id": run.spec.run_id,
        "created_at": _time(run.created_at),
        "events": page,
        "next_after": page[-1]["id"] if len(page) < len(events) else None,
    }


def _event_json(event: Event) -> Json:
    return {
        "id": str(event.cursor),
        "attempt": event.attempt,
        "seq": event.seq,
        "kind": event.kind,
        "at": event.at,
        "data": event.data,
    }


def thread_json(thread: Thread) -> Json:
    return {
        "thread_id": thread.thread_id,
        "graph": thread.graph,
        "title": thread.title,
        "status": thread.status,
        "created_at": _time(thread.created_at),
        "updated_at": _time(thread.updated_at),
        "run_id": thread.run.spec.run_id if thread.run else None,
    }


def page_json(threads: Sequence[Thread], limit: int) -> Json:
    """Return a page of at most limit threads; one more than these means that there is a next page."""
    page = threads[:limit]
    last = page[-1].run if len(threads) > limit else None
    return {
        "threads": [thread_json(each) for each in page],
        "next_cursor": str(last.number) if last else None,
    }


def state_json(thread: Thread, state: Snapshot) -> Json:
    return {
        **thread_json(thread),
        "checkpoint_id": state.checkpoint_id,
        "values": state.values,
        "next": state.next,
        "interrupts": state.interrupts,
        **_omitted(state),
    }


def history_json(page: HistoryPage, select: Collection[str]) -> Json:
    return {
        "checkpoints": [_checkpoint_json(state, select) for state in page.states],
        "next_before": page.next_before,
    }


def _checkpoint_json(state: Snapshot, select: Collection[str]) -> Json:
    shown = {
        "checkpoint_id": state.checkpoint_id,
        "parent_checkpoint_id": state.parent_checkpoint_id,
        "created_at": state.created_at,
        "run_id": state.run_id,
        "source": state.source,
        "step": state.step,
        "next": state.next,
        "interrupts": state.interrupts,
        "values": state.values,
    }
    return {name: value for name, value in shown.items() if name in select} | _omitted(state)


def _omitted(state: Snapshot) -> Json:
    """Return what is left out of the values, if anything is."""
    return {"omitted": state.omitted} if state.omitted else {}


def branch_json(branch: Branch) -> Json:
    return {
        "checkpoint_id": branch.checkpoint_id,
        "forked_from": branch.forked_from,
        "created_at": branch.created_at,
        "run_id": branch.run_id or None,
        "text": branch.text,
        "is_newest": branch.is_newest,
    }


def turns_json(page: TurnPage) -> Json:
    return {"turns": [_turn_json(each) for each in page.turns], "next_before": page.next_before}


def _turn_json(turn: Turn) -> Json:
    return {
        "checkpoint_id": turn.checkpoint_id,
        "message_ids": turn.input.message_ids,
        "input": turn.input.rest,
        "is_input_omitted": turn.input.is_omitted,
        "runs": [{"run_id": each.run_id, "is_whole": each.is_whole} for each in turn.runs],
        "is_edited": turn.is_edited,
    }


def storage_json(thread_id: str, storage: ThreadStorage) -> Json:
    return {
        "thread_id": thread_id,
        "checkpoints": storage.checkpoints,
        "messages": storage.messages,
        "runs": storage.runs,
        "states_bytes": storage.states_bytes,
        "messages_bytes": storage.messages_bytes,
        "runs_bytes": storage.runs_bytes,
        "events_bytes": storage.events_bytes,
        "total_bytes": storage.total_bytes,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
