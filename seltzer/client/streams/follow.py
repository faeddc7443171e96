"""A run followed over connections that may break: what to request next, and when to give up.

Does no I/O: connection.py sends and waits, with and without asyncio.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from seltzer.client.errors import ServerError, ServerUnreachable
from seltzer.client.http import requests
from seltzer.client.http.backoff import Patience
from seltzer.client.http.requests import Request
from seltzer.client.records import RunInfo, run_info
from seltzer.client.streams.parts import Part
from seltzer.client.streams.reader import Reading, parse_cursor
from seltzer.client.streams.sse import Decoder, Frame

_TRY_AGAIN: Final = frozenset({429, 502, 503, 504})
_UNREADABLE: Final = "the server sent something that can't be read"
_LAST_OF_STATUS: Final = {
    "success": "finished",
    "error": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}


class RunFollower:
    """Follows one run to its end.

    first starts the run, or is None to read run_id after a cursor. on_lost is called with the reason when the
    connection is lost, once until it is restored.

    Send `next_request()`; pass the response to `receive_head`, `receive` and `receive_end`, an error to
    `receive_error`; then, unless `is_over`, wait `pause_s()` and repeat.
    """

    def __init__(
        self,
        url: str,
        graph: str,
        first: Request | None,
        *,
        run_id: str = "",
        after: str = "",
        patience_s: float,
        on_lost: Callable[[str], None] = lambda reason: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.url = url
        self._graph = graph
        self._first = first
        self._after = after
        self._on_lost = on_lost
        self._reading = Reading(run_id, parse_cursor(after))
        self._patience = Patience(patience_s, chance)
        self._decoder = Decoder()
        self._has_begun = False  # the server has the run, or may have it
        self._must_look = False  # no more events to read: request the run to see how it ended
        self._body: list[bytes] = []
        self._reason = ""
        self._least_s = 0.0
        self._retry_s = 0.0
        self.is_done_reading = False

    @property
    def is_over(self) -> bool:
        """Whether the last part was yielded, or an error raised that a retry can't fix."""
        return self._reading.is_over

    def next_request(self) -> Request:
        """Return the request to send now."""
        self._decoder, self._body, self.is_done_reading = Decoder(), [], False
        run_id, cursor = self._reading.run_id, self._reading.cursor
        if not run_id and self._first is not None:
            return self._first
        if self._must_look:
            return requests.run(self._graph, run_id)
        return requests.events(self._graph, run_id, self._after if cursor is None else str(cursor))

    def receive_head(self, status: int, headers: Mapping[str, str]) -> Iterator[Part]:
        """Receive the status and headers of a successful response."""
        if not self._reading.run_id:
            if "x-run-id" not in headers:
                raise ServerUnreachable(self.url, "the server there isn't Seltzer")
            yield from self._reading.begin(headers["x-run-id"], headers.get("x-thread-id", ""))
        self._has_begun = True
        self._reason = "the stream ended without a last event"
        if status == 204:
            self._must_look, self.is_done_reading, self._reason = True, True, ""

    def receive(self, piece: bytes) -> Iterator[Part]:
        """Receive a piece of the body."""
        if self._must_look:
            self._body.append(piece)
            return
        comments = self._decoder.comments
        for frame in self._decoder.feed(piece):
            if frame.event == "draining":
                self._least_s = _object(frame.data).get("retry_after_ms", 0) / 1000
                self._reason = "the server is shutting down"
                self.is_done_reading = True
            else:
                yield from self._event(frame)
        if self._decoder.comments > comments:
            self._patience.succeeded()
        if self._decoder.retry_ms is not None:
            self._retry_s = self._decoder.retry_ms / 1000

    def receive_end(self) -> Iterator[Part]:
        """Receive the end of the body."""
        if self._must_look and self._body:
            yield from self._look(self._run_info())

    def receive_error(self, error: Exception) -> None:
        """Receive an error. Raises it if a retry can't fix it."""
        if self.is_over:
            raise error
        if isinstance(error, ServerError):
            self._refused(error)
        elif isinstance(error, ServerUnreachable):
            self._has_begun = self._has_begun or error.may_have_arrived
            if not self._has_begun:
                raise error
            self._reason = error.reason
        else:
            self._reason = str(error) or type(error).__name__

    def pause_s(self, now_s: float) -> float:
        """Return how long to wait before the next request.

        Once patience is exhausted, raises AnswerCutOff, or ServerUnreachable for a run that hasn't begun.
        """
        if self._must_look and not self._reason:
            return 0.0
        least_s, self._least_s = self._least_s, 0.0
        if self._patience.is_tried:
            # The first retry doesn't wait for the stream's `retry`: most often our connection alone has
            # broken.
            least_s = max(least_s, self._retry_s)
        else:
            self._on_lost(self._reason)
        wait_s = self._patience.wait_s(now_s, least_s)
        if wait_s is None:
            raise self._exhausted()
        return wait_s

    def _refused(self, error: ServerError) -> None:
        if error.status == 410:
            raise self._reading.cut_off("the server no longer has the next events") from error
        if not self._has_begun:
            raise error
        if error.status == 404 and self._reading.run_id:
            raise self._reading.cut_off("the server no longer has the run") from error
        if error.status not in _TRY_AGAIN:
            raise error
        self._reason, self._least_s = error.detail, error.retry_after_s or 0.0

    def _exhausted(self) -> Exception:
        if self._reading.run_id:
            return self._reading.cut_off(self._reason)
        return ServerUnreachable(self.url, self._reason, may_have_arrived=True)

    def _event(self, frame: Frame) -> Iterator[Part]:
        before, cursor = self._reading.cursor, parse_cursor(frame.id)
        try:
            if cursor is None:
                raise ValueError(f"{frame.id!r} is not a cursor")
            yield from self._reading.take(frame.event, json.loads(frame.data), cursor)
        except (ValueError, KeyError, TypeError) as error:
            raise self._reading.cut_off(_UNREADABLE) from error
        if self._reading.cursor != before:
            self._patience.succeeded()

    def _run_info(self) -> RunInfo:
        try:
            return run_info(json.loads(b"".join(self._body)))
        except (ValueError, KeyError, TypeError) as error:
            raise self._reading.cut_off(_UNREADABLE) from error

    def _look(self, run: RunInfo) -> Iterator[Part]:
        """Yield the end of a run whose last event was read before."""
        if run.status not in _LAST_OF_STATUS:
            self._must_look = False  # it is active again
            return
        self._reading.thread_id = run.thread_id
        error = run.error
        data = {
            "code": error and error.code,
            "message": error and error.message,
            "interrupts": [{"id": each.id, "value": each.value} for each in run.interrupts],
        }
        yield from self._reading.end(_LAST_OF_STATUS[run.status], data)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
