"""The writer of server-sent events: frames, and a stream over ASGI."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any, get_args

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message
from uvicorn.protocols.http.flow_control import FlowControl

from seltzer.client.streams.sse import Decoder, Frame
from seltzer.errors import ServerDraining, StreamGap
from seltzer.protocols.http.direct_send import DirectSendMiddleware
from seltzer.protocols.http.sse import DRAINING, PING, RETRY, EventStream, frame
from seltzer.runs.event import Event, Kind
from seltzer.runs.streaming.hub import Deliver

LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
events = st.builds(
    Event,
    st.integers(1, 10**9 - 1),
    st.integers(1, 10**15 - 1),
    st.sampled_from(get_args(Kind)),
    st.dictionaries(texts, values, max_size=3),
)


def token(seq: int, text: str = "hi") -> Event:
    return Event(1, seq, "token", {"message_id": "m", "text": text, "channel": "answer"})


class TestFrames:
    def test_a_frame_is_event_one_line_of_data_and_id(self) -> None:
        expected = b'event: token\ndata: {"message_id":"m","text":"hi","channel":"answer"}\nid: 2-17\n\n'

        assert frame(Event(2, 17, "token", token(17).data)) == expected

    @pytest.mark.parametrize(
        "text", ["a\nb", "a\r\nb", "\u2028\u2029\x85", "\x00", "漢字 👩‍👩‍👧 שלום", "data: x\n\n"]
    )
    def test_any_text_is_one_line_and_round_trips(self, text: str) -> None:
        written = frame(token(1, text))

        assert len(written.decode().splitlines()) == 4
        assert json.loads(decode(written)[0].data) == token(1, text).data

    @given(st.lists(events, max_size=5), st.data())
    def test_what_is_framed_is_read_back_under_any_cut(
        self, source: list[Event], data: st.DataObject
    ) -> None:
        stream = RETRY + b"".join(each for event in source for each in (PING, frame(event)))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))

        read = decode(*(stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)))

        assert [(each.id, each.event, json.loads(each.data)) for each in read] == [
            (str(event.cursor), event.kind, event.data) for event in source
        ]


def decode(*pieces: bytes) -> list[Frame]:
    decoder = Decoder()
    return [each for piece in pieces for each in decoder.feed(piece)]


class Client:
    """The other end of an EventStream: records what is sent, disconnects on request.

    While it isn't reading, a send waits, and is_full is set.
    """

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.flow: FlowControl | None = None  # of a uvicorn's, it can be sent to at once
        self.is_full = asyncio.Event()
        self.leaves = asyncio.Event()
        self.is_reading = asyncio.Event()
        self.is_reading.set()
        self._arrived = asyncio.Condition()

    async def receive(self) -> Message:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        assert not self.is_full.is_set(), "one send at a time"
        if not self.is_reading.is_set():
            self.is_full.set()
            await self.is_reading.wait()
            self.is_full.clear()
        async with self._arrived:
            self.sent.append(message)
            self._arrived.notify_all()

    async def sees(self, body: bytes, times: int = 1) -> None:
        """Wait until the body's end was sent that often."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: self.bodies.count(body) >= times)

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.sent[1:]]

    def serve(self, stream: EventStream) -> asyncio.Task[None]:
        served = DirectSendMiddleware(stream)({"type": "http"}, self.receive, self.send)
        return asyncio.ensure_future(served)


async def source(
    *batches: Sequence[Event], then: BaseException | None = None
) -> AsyncGenerator[Sequence[Event]]:
    for batch in batches:
        yield batch
    if then is not None:
        raise then


class Silence:
    """Batches that are yielded when they are put."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Sequence[Event] | None] = asyncio.Queue()
        self.is_closed = False

    async def follow(self, deliver: Deliver) -> AsyncGenerator[Sequence[Event]]:
        self.deliver = deliver
        try:
            while (batch := await self.queue.get()) is not None:
                yield batch
        finally:
            self.is_closed = True


@pytest.mark.anyio
class TestStream:
    async def test_the_head_is_sent_before_any_event(self) -> None:
        client, silence = Client(), Silence()
        stream = EventStream(silence.follow, ping_s=60, status_code=201, headers={"x-run-id": "r"})

        with anyio.fail_after(5):
            serving = client.serve(stream)
            await client.sees(RETRY)
            silence.queue.put_nowait(None)
            await serving

        assert client.sent[0]["status"] == 201
        assert dict(client.sent[0]["headers"]) == {
            b"content-type": b"text/event-stream",
            b"cache-control": b"no-store",
            b"x-accel-buffering": b"no",
            b"x-run-id": b"r",
        }
        assert client.sent[1:] == [{"type": "http.response.body", "body": RETRY, "more_body": True}, LAST]

    async def test_a_batch_is_sent_in_one_piece(self) -> None:
        client, batch = Client(), [token(1), token(2)]

        with anyio.fail_after(5):
            await client.serve(EventStream(lambda _: source(batch, [token(3)]), ping_s=60))

        assert client.bodies == [RETRY, frame(batch[0]) + frame(batch[1]), frame(token(3)), b""]

    async def test_the_last_event_is_sent_with_the_bodys_end(self) -> None:
        client, last = Client(), Event(1, 2, "finished", {})

        with anyio.fail_after(5):
            await client.serve(EventStream(lambda _: source([token(1)], [last]), ping_s=60))

        assert client.bodies == [RETRY, frame(token(1)), frame(last)]
        assert [message.get("more_body") for message in client.sent[1:]] == [True, True, False]

    async def test_a_silence_is_broken_by_pings_from_the_beginning_on(self) -> None:
        client, silence = Client(), Silence()

        with anyio.fail_after(5):
            serving = client.serve(EventStream(silence.follow, ping_s=0.01))
            await client.sees(PING, times=3)
            silence.queue.put_nowait([token(1)])
            await client.sees(frame(token(1)))
            await client.sees(PING, times=client.bodies.count(PING) + 1)
            silence.queue.put_nowait(None)
            await serving

        assert client.sent[-1] == LAST
        assert client.bodies.count(b"") == 1

    async def test_to_a_client_that_does_not_read_pings_do_not_pile_up(self) -> None:
        client, silence = Client(), Silence()

        with anyio.fail_after(5):
            serving = client.serve(EventStream(silence.follow, ping_s=0.001))
            await client.sees(PING)
            client.is_reading.clear()
            silence.queue.put_nowait([token(1)])
            await timers_of(30)
            pings = client.bodies.count(PING)
            client.is_reading.set()
            await client.sees(frame(token(1)))
            at = client.bodies.index(frame(token(1)))
            silence.queue.put_nowait(None)
            await serving

        assert client.bodies[:at].count(PING) <= pings + 1  # the one that was on its way

    async def test_a_ping_on_its_way_is_not_overtaken(self) -> None:
        client, silence = Client(), Silence()

        with anyio.fail_after(5):
            serving = client.serve(EventStream(silence.follow, ping_s=0.001))
            await client.sees(RETRY)
            client.is_reading.clear()
            await client.is_full.wait()
            silence.queue.put_nowait([token(1)])
            await timers_of(5)
            client.is_reading.set()
            await client.sees(frame(token(1)))
            silence.queue.put_nowait(None)
            await serving

        assert client.bodies[client.bodies.index(frame(token(1))) - 1] == PING

    async def test_an_event_is_sent_where_it_is_published_unless_the_connection_is_full(self) -> None:
        client, silence = Client(), Silence()
        client.flow = FlowControl(asyncio.Transport())

        with anyio.fail_after(5):
            serving = client.serve(EventStream(silence.follow, ping_s=60))
            await client.sees(RETRY)
            client.flow.pause_writing()
            full = silence.deliver([token(1)])
            client.flow.resume_writing()
            free = silence.deliver([token(1), token(2)])
            silence.queue.put_nowait([token(3)])
            silence.queue.put_nowait(None)
            await serving

        assert (full, free) == (False, True)
        sent_directly = [body for body in client.bodies if body.startswith(b"event:")]
        assert sent_directly == [frame(token(1)) + frame(token(2)), frame(token(3))]

    async def test_no_event_is_sent_within_a_ping(self) -> None:
        client, silence = Client(), Silence()
        client.flow = FlowControl(asyncio.Transport())

        with anyio.fail_after(5):
            serving = client.serve(EventStream(silence.follow, ping_s=0.001))
            await client.sees(RETRY)
            client.is_reading.clear()
            await client.is_full.wait()
            is_taken = silence.deliver([token(1)])
            client.is_reading.set()
            silence.queue.put_nowait(None)
            await serving

        assert not is_taken
        assert PING in client.bodies

    async def test_between_events_the_pings_wait_for_the_next_silence(self) -> None:
        client, silence = Client(), Silence()

        with anyio.fail_after(5):
            serving = client.serve(EventStream(silence.follow, ping_s=0.02))
            for seq in range(1, 31):
                silence.queue.put_nowait([token(seq)])
                await timers_of(1)
            await client.sees(frame(token(30)))
            await client.sees(PING, times=client.bodies.count(PING) + 1)
            silence.queue.put_nowait(None)
            await serving

        sent_directly = [body for body in client.bodies if body.startswith(b"event:")]
        assert sent_directly == [frame(token(seq)) for seq in range(1, 31)]
        assert client.bodies[-2:] == [PING, b""]

    async def test_a_disconnect_cancels_a_ping_in_progress(self) -> None:
        client, silence = Client(), Silence()
        before = asyncio.all_tasks()

        with anyio.fail_after(5):
            serving = client.serve(EventStream(silence.follow, ping_s=0.001))
            await client.sees(RETRY)
            client.is_reading.clear()
            await client.is_full.wait()
            client.leaves.set()
            await serving

        assert silence.is_closed
        assert asyncio.all_tasks() == before

    async def test_leaving_ends_the_following(self) -> None:
        client, silence = Client(), Silence()

        with anyio.fail_after(5):
            serving = client.serve(EventStream(silence.follow, ping_s=60))
            await client.sees(RETRY)
            client.leaves.set()
            await serving

        assert silence.is_closed
        assert client.bodies == [RETRY]

    async def test_a_client_that_leaves_without_reading_is_left_too(self) -> None:
        client, silence = Client(), Silence()
        client.is_reading.clear()

        with anyio.fail_after(5):
            serving = client.serve(EventStream(silence.follow, ping_s=0.001))
            client.leaves.set()
            await serving

        assert client.sent == []

    async def test_a_draining_server_sends_draining_and_ends_cleanly(self) -> None:
        client = Client()

        with anyio.fail_after(5):
            await client.serve(
                EventStream(lambda _: source([token(1)], then=ServerDraining("bye")), ping_s=60)
            )

        assert client.bodies == [RETRY, frame(token(1)), DRAINING]
        assert client.sent[-1]["more_body"] is False
        assert b"id:" not in DRAINING
        assert decode(DRAINING) == [Frame("draining", '{"retry_after_ms":1000}')]

    async def test_an_error_in_mid_stream_does_not_look_like_an_end(self) -> None:
        client = Client()

        with anyio.fail_after(5):
            await client.serve(EventStream(lambda _: source([token(1)], then=StreamGap("gone")), ping_s=60))

        assert client.bodies == [RETRY, frame(token(1))]

    async def test_an_unexpected_error_is_passed_on(self) -> None:
        with anyio.fail_after(5), pytest.raises(ZeroDivisionError):
            await Client().serve(EventStream(lambda _: source(then=ZeroDivisionError()), ping_s=60))

    async def test_a_cancelled_stream_leaks_nothing(self) -> None:
        client, silence = Client(), Silence()
        before = asyncio.all_tasks()

        with anyio.fail_after(5):
            serving = client.serve(EventStream(silence.follow, ping_s=0.001))
            await client.sees(PING)
            serving.cancel()
            await asyncio.wait([serving])

        assert serving.cancelled()
        assert silence.is_closed
        assert asyncio.all_tasks() == before

    async def test_a_ping_that_the_connection_refuses_is_no_error_of_its_own(self) -> None:
        silence, failed = Silence(), asyncio.Event()

        async def send(message: Message) -> None:
            if message.get("body") == PING:
                failed.set()
                raise OSError("gone")

        with anyio.fail_after(5):
            stream = EventStream(silence.follow, ping_s=0.001)
            serving = asyncio.create_task(stream({"type": "http"}, Client().receive, send))
            await failed.wait()
            silence.queue.put_nowait(None)
            await serving


async def timers_of(count: int) -> None:
    """Wait until that many timers of a millisecond, one after the other, have fired."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        fired: asyncio.Future[Any] = loop.create_future()
        loop.call_later(0.001, fired.set_result, None)
        await fired
