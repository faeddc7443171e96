"""The direct path publishes what the long ways publish; and texts that may not use it, don't."""

import asyncio
import zlib
from itertools import accumulate
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langchain_core.outputs import ChatGeneration
from langchain_openai import ChatOpenAI

from seltzer.models.openai.accelerated import AcceleratedChatOpenAI
from seltzer.models.openai.strict import StrictChatOpenAI
from tests.models.openai.accelerated.listeners import (
    ByTheTask,
    Listener,
    RunHandler,
    a_while,
    events_of,
    in_pieces,
    model_at,
    outcome,
    rounds,
    spoken,
    text_event,
    until_published,
)
from tests.models.openai.dialects import BROKEN, DONE, STREAMS, frame
from tests.models.openai.wire import CHUNKED, END, Answer, answering, chunked, read_request

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),  # the SDK's, of odd frames
]

ANSWERS = STREAMS | BROKEN
PLAIN = ["openai", "ollama", "llama_cpp", "no done", "more after done", "mixed line ends"]
GZIPPED = CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
TRUNCATED = "UpstreamTruncated: The model's answer broke off: its stream ended without a finish reason."


async def ask(
    answer: Answer, kind: type[ChatOpenAI], listener: Listener | None = None, **options: Any
) -> Any:
    """Return the outcome of a call of such a model, and its listener."""
    listener = listener or Listener()
    with anyio.fail_after(10):
        async with answering(answer) as url:
            return await outcome(await model_at(url, kind, **options), listener), listener


class Waited(Listener):
    """One that is called in its turn, and awaited."""

    async def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:
        await rounds(1)
        super().on_llm_new_token(token, chunk=chunk, **kwargs)


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_dialect_is_published_as_by_the_plain_ways(name: str, fast: type[ChatOpenAI]) -> None:
    answer = in_pieces(events_of(ANSWERS[name]), a_while)

    direct, listener = await ask(answer, fast)
    lean, untold = await ask(answer, ByTheTask)
    long, _ = await ask(answer, StrictChatOpenAI)

    assert direct == lean == long
    assert not any(untold.in_place)
    if name in PLAIN:
        assert any(listener.in_place)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(ANSWERS)), st.data())
async def test_it_does_not_matter_how_the_bytes_are_cut_nor_when_they_arrive(
    name: str, data: st.DataObject
) -> None:
    whole = ANSWERS[name]
    ends = list(accumulate(map(len, events_of(whole))))
    at = st.sampled_from(ends) | st.integers(0, len(whole)) if ends else st.just(0)
    cuts = data.draw(st.lists(at, max_size=30).map(sorted))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    pauses = data.draw(st.lists(st.integers(0, 4), min_size=len(pieces), max_size=len(pieces)))

    async def pause(at: int) -> None:
        await rounds(pauses[at])

    direct, _ = await ask(in_pieces(pieces, pause), AcceleratedChatOpenAI)
    long, _ = await ask(in_pieces([whole], a_while), StrictChatOpenAI)

    assert direct == long


@pytest.mark.parametrize("name", ["openai", "ollama", "logprobs", "crlf"])
async def test_it_does_not_matter_if_each_byte_arrives_alone(name: str) -> None:
    async def pause(_at: int) -> None:
        await rounds(1)

    direct, _ = await ask(in_pieces([bytes([byte]) for byte in STREAMS[name]], pause), AcceleratedChatOpenAI)
    long, _ = await ask(in_pieces([STREAMS[name]], a_while), StrictChatOpenAI)

    assert direct == long


async def test_text_after_the_first_is_published_where_its_bytes_arrive(fast: type[ChatOpenAI]) -> None:
    listener = Listener()
    *events, _ = events_of(STREAMS["openai"])  # [DONE] reaches no listener

    (calls, *_), _ = await ask(in_pieces(events, until_published(listener)), fast, listener)

    assert len(calls) == 11
    assert listener.in_place == [False, *[True] * 7, *[False] * 3]  # the role, the texts, three ends


FIRSTS = {
    "a role and no calls": frame({"role": "assistant", "content": "", "tool_calls": []}).encode(),
    "thinking without a text": frame(
        {"role": "assistant", "content": "", "tool_calls": [], "reasoning_content": ""}
    ).encode(),
    "an event's name": b"event: message\n" + frame({"role": "assistant", "content": ""}).encode(),
    "its name and a text": b"event: message\n" + frame({"role": "assistant", "content": "1"}).encode(),
    "a text": frame({"role": "assistant", "content": "1"}).encode(),
    "a role alone": frame({"role": "assistant"}).encode(),
}


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("texts", [("2", "3"), ("2",), ()])
@pytest.mark.parametrize("is_at_once", [False, True])
async def test_an_answer_in_a_form_is_published_as_by_the_plain_ways(
    first: str, texts: tuple[str, ...], is_at_once: bool
) -> None:
    events = [FIRSTS[first], *spoken(*texts)]
    answer = in_pieces([b"".join(events)] if is_at_once else events, a_while)
    form = {"response_format": {"type": "json_object"}}

    direct, _ = await ask(answer, AcceleratedChatOpenAI, model_kwargs=form)
    long, _ = await ask(answer, StrictChatOpenAI, model_kwargs=form)

    assert direct == long


async def test_text_after_a_tool_call_starts_the_plain_way_again(fast: type[ChatOpenAI]) -> None:
    preamble, call = events_of(STREAMS["tools"])[:2]
    listener, events = Listener(), [preamble, text_event("a"), call, text_event("b"), *spoken("c")[:-1]]

    await ask(in_pieces(events, until_published(listener)), fast, listener)

    assert listener.in_place[:5] == [False, True, False, False, True]


async def test_many_texts_of_one_piece_are_published_in_order_and_the_rest_in_the_plain_way(
    fast: type[ChatOpenAI],
) -> None:
    listener, events = Listener(), spoken(*"abcdef")

    async def pause(at: int) -> None:
        await listener.wait_for(1 if at == 0 else len(events) - 1)

    direct, _ = await ask(in_pieces([events[0], b"".join(events[1:])], pause), fast, listener)
    long, _ = await ask(in_pieces(events, a_while), StrictChatOpenAI)

    assert direct == long
    assert listener.in_place[:7] == [False, *[True] * 5, False]


async def test_text_in_the_last_bytes_of_a_body_does_not_hide_its_end(fast: type[ChatOpenAI]) -> None:
    listener = Listener()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunked(text_event("one ")))
        await listener.wait_for(1)
        writer.write(chunked(text_event("two ")) + END)
        await reader.read()

    with anyio.fail_after(3):  # less than the connection's own limit
        direct, _ = await ask(answer, fast, listener)

    assert direct[2] == TRUNCATED
    assert (listener.tokens, listener.in_place) == (["one ", "two "], [False, True])


async def test_answers_at_once_are_published_each_by_its_own_way() -> None:
    answers: list[Any] = []
    for kind in (AcceleratedChatOpenAI, StrictChatOpenAI):
        listener = Listener()
        with anyio.fail_after(10):
            async with answering(in_pieces(spoken("one ", "two ", "three"), a_while)) as url:
                model = await model_at(url, kind)
                asked: Any = [[HumanMessage("q")] for _ in range(3)]
                result = await model.agenerate(asked, callbacks=[listener])
        messages = [each.message for [each] in result.generations if isinstance(each, ChatGeneration)]
        ids = [message.id for message in messages]
        tokens = [
            [token for token, chunk, *_ in listener.calls if chunk["message"]["id"] == id] for id in ids
        ]
        answers.append((tokens, [message.text for message in messages]))
        assert any(listener.in_place) == (kind is AcceleratedChatOpenAI)

    assert answers[0] == answers[1]
    assert answers[0][1] == ["one two three"] * 3


async def test_a_listener_that_is_awaited_is_published_by_the_task(fast: type[ChatOpenAI]) -> None:
    listener = Waited()
    answer = in_pieces(spoken("one ", "two ", "three"), a_while)

    direct, _ = await ask(answer, fast, listener)
    long, _ = await ask(answer, StrictChatOpenAI, Waited())

    assert direct == long
    assert len(listener.in_place) >= 4
    assert not any(listener.in_place)


async def test_what_is_encoded_is_decoded_first_even_where_it_looks_like_text(fast: type[ChatOpenAI]) -> None:
    """Stored uncompressed, an encoded event looks like one that isn't; taking it would break the encoding."""
    events = spoken("one ", "two ", "three")
    packer = zlib.compressobj(0, wbits=31)
    stored = [packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH) for event in events]
    cut = b"".join([*stored, packer.flush()]).split(b"data:")
    pieces = [cut[0], *(b"data:" + piece for piece in cut[1:])]
    listener = Listener()

    direct, _ = await ask(in_pieces(pieces, a_while, head=GZIPPED), fast, listener)
    plain, _ = await ask(in_pieces(events, a_while), StrictChatOpenAI)

    assert direct == plain
    assert listener.tokens[:3] == ["one ", "two ", "three"]
    assert not any(listener.in_place)


@pytest.mark.parametrize(
    "begun",
    [
        b"data: [DONE]\n",  # a line more, and it is still the end
        b"event: thread.x\n",
        b"event: error\n",
        b"data:\n",
        b"data: {\n",
        b"id: 1\n",
        text_event("half")[:20],
        text_event("half")[:-1],
        text_event("half").replace(b"\n", b"\r\n")[:-1],
        text_event("half").replace(b"\n", b"\r"),
    ],
)
async def test_data_within_an_event_is_read_in_the_plain_way(begun: bytes, fast: type[ChatOpenAI]) -> None:
    pieces = [text_event("one "), begun, text_event("two "), *spoken("three")]
    listener = Listener()

    direct, _ = await ask(in_pieces(pieces, a_while), fast, listener)
    lean, _ = await ask(in_pieces(pieces, a_while), ByTheTask)
    long, _ = await ask(in_pieces([b"".join(pieces)], a_while), StrictChatOpenAI)

    assert direct == lean == long
    assert "two " not in [
        token for token, is_so in zip(listener.tokens, listener.in_place, strict=True) if is_so
    ]


async def test_a_comment_between_events_does_not_close_the_way() -> None:
    listener = Listener()
    first, second, *rest = spoken("one ", "two ")

    direct, _ = await ask(
        in_pieces([first, b": ping\n\n", b": ping\n", second, *rest], a_while),
        AcceleratedChatOpenAI,
        listener,
    )
    long, _ = await ask(in_pieces([first, second, *rest], a_while), StrictChatOpenAI)

    assert direct == long
    assert listener.in_place[:2] == [False, True]


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize("is_at_once", [True, False])
async def test_text_after_the_end_is_dropped(
    is_whole: bool, is_at_once: bool, fast: type[ChatOpenAI]
) -> None:
    begun = spoken("one ", "two ")[: -1 if is_whole else 2]
    late = [DONE.encode(), text_event("late"), text_event("later")]
    pieces = [*begun, b"".join(late)] if is_at_once else [*begun, *late]
    listener = Listener()

    direct, _ = await ask(in_pieces(pieces, a_while), fast, listener)
    long, _ = await ask(in_pieces(pieces, a_while), StrictChatOpenAI)

    assert direct == long
    assert "late" not in "".join(listener.tokens)
    assert (direct[2] == TRUNCATED) != is_whole


async def test_text_and_the_end_in_one_piece_leave_the_way_closed() -> None:
    listener, done = Listener(), DONE.encode()
    pieces = [text_event("one "), text_event("two ") + done + text_event("late"), text_event("later")]

    direct, _ = await ask(in_pieces(pieces, a_while), AcceleratedChatOpenAI, listener)

    assert direct[2] == TRUNCATED
    assert listener.tokens == ["one ", "two "]


@pytest.mark.parametrize("count", range(4))
async def test_nothing_is_published_after_a_cancel_though_bytes_arrive_before_the_task_ends(
    count: int, fast: type[ChatOpenAI]
) -> None:
    """With one round between, the bytes are handled while the cancel is on its way to the task."""
    listener, counts, left = Listener(), list[int](), asyncio.Event()
    calls: list[asyncio.Task[Any]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED)
        for at in range(3):
            writer.write(chunked(text_event("one ")))
            await listener.wait_for(at + 1)
        writer.write(chunked(text_event("late") + text_event("later")))
        await rounds(count)
        counts.append(len(listener.calls))
        calls[0].cancel()
        try:
            writer.write(chunked(text_event("too late")))
            await rounds()
            await reader.read()
        finally:
            left.set()

    with anyio.fail_after(10):
        async with answering(answer) as url:
            model = await model_at(url, fast)
            calls.append(asyncio.create_task(model.ainvoke("q", {"callbacks": [listener, RunHandler()]})))
            await asyncio.wait(calls)
            await left.wait()

    assert calls[0].cancelled()
    assert [len(listener.calls)] == counts
    assert listener.in_place[:3] == [False, True, True]
