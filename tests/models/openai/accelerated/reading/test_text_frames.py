"""The texts that data begins with, and the rest, are what the decoder of events makes of all of it."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seltzer.models.openai.accelerated.reading.frames import FrameReader, TextFrame
from seltzer.models.openai.accelerated.reading.text_frames import TextFrames
from tests.models.openai.accelerated.listeners import events_of, text_event
from tests.models.openai.dialects import BROKEN, STREAMS, frame

ODD = [
    ": ping\n\n",
    "\n",
    "\n\n",
    "data\n\n",
    "data:\n\n",
    "data: [DONE]\n\n",
    "data: {}\n\n",
    "data: [1]\n\n",
    "data: null\n\n",
    "event: message\n" + frame({"content": "named"}),
    "id: 1\n" + frame({"content": "numbered"}),
    "retry: 10\n\n",
    frame({"content": "x"}).replace("\n", "\r\n"),
    frame({"content": "x"}).replace("\n", "\r"),
    frame({"content": "x"})[:-1],
    frame({"content": "x"})[:-1] + "data: {}\n\n",
    frame({"content": "x"})[:-1] + ": a comment\n\n",
    frame({"content": "x"}, choice={"finish_reason": "stop"}),
    frame({"content": "x"}, choice={"logprobs": {"content": []}}),
    frame({"content": "x"}, error={"message": "no"}),
    frame({"content": "x"}, usage={"prompt_tokens": 1}),
    frame({"content": None}),
    frame({"role": "user", "content": "x"}),
    frame({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}),
    frame(),
    " " + frame({"content": "x"}),
    "\ufeff" + frame({"content": "x"}),
]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
plain = st.builds(
    lambda text, space, is_ascii: (
        f"data:{space}"
        + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}, ensure_ascii=is_ascii)
        + "\n\n"
    ).encode(),
    texts,
    st.sampled_from(["", " ", "  ", "\t"]),
    st.booleans(),
)
streams = st.sampled_from(sorted(STREAMS | BROKEN)).flatmap(
    lambda name: st.sampled_from(events_of((STREAMS | BROKEN)[name]) or [b""])
)
odd = st.sampled_from([each.encode() for each in ODD])
events = st.lists(plain | plain | odd | streams, max_size=8).map(b"".join)
tails = st.binary(max_size=20) | st.lists(st.sampled_from([b"data:", b"\n", b"\r", b" ", b"{}", b":"])).map(
    b"".join
)


def decoded(data: bytes) -> list[Any]:
    """Return the events that the reader of frames makes of the data."""
    reader = FrameReader()
    read = [*reader.feed(data)] if data else []
    return [event.text if isinstance(event, TextFrame) else event for event in (*read, *reader.finish())]


@settings(deadline=None)
@given(events, tails, st.data())
@example(text_event("a")[:-1], b"\n", None)
def test_the_texts_and_the_rest_add_up_to_the_input(data: bytes, tail: bytes, drawn: Any) -> None:
    whole = data + tail
    if drawn is not None:
        whole = whole[: drawn.draw(st.integers(0, len(whole)) | st.just(len(whole)))]

    found, rest = TextFrames().leading_texts(whole)

    assert whole.endswith(rest)
    assert [*found, *decoded(rest)] == decoded(whole)


@settings(deadline=None)
@given(st.lists(plain, min_size=1), st.binary(max_size=10).filter(lambda tail: b"\r" not in tail))
def test_all_plain_events_are_read(plain: list[bytes], tail: bytes) -> None:
    found, rest = TextFrames().leading_texts(b"".join(plain) + tail)

    assert len(found) >= len(plain)
    assert rest == tail or len(found) > len(plain)


@pytest.mark.parametrize("space", ["\r", "\n", "\r\n", "\n\n"])
def test_line_ends_within_an_events_json_end_its_line(space: str) -> None:
    """To JSON they are spaces, to the stream of events they aren't."""
    data = text_event("x").replace(b"{", b"{" + space.encode(), 1)

    assert TextFrames().leading_texts(data) == ([], data)
    assert TextFrames().leading_texts(text_event("a") + data)[1].endswith(data)
    assert "x" not in decoded(data)


def test_of_a_plain_event_after_another_kind_nothing_is_read() -> None:
    ping = b": ping\n\n" + text_event("b")

    assert TextFrames().leading_texts(text_event("a") + ping) == (["a"], ping)
    assert TextFrames().leading_texts(b"") == ([], b"")


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"choices":[{"index":0,"delta":{"content":"}}]}\n\n',  # a quote for two
        b'data: {"choices":[{"index":0,"delta":{"content":"a"b"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"a\\"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"\xff"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"\\ud800"}}]}\n\n',
    ],
)
def test_what_only_looks_like_the_frame_before_is_not_read_as_one(data: bytes) -> None:
    texts = TextFrames()
    learnt = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'

    assert texts.leading_texts(learnt + learnt) == (["a", "a"], b"")
    assert texts.leading_texts(data) == ([], data)


def test_a_text_that_looks_like_more_of_the_frame_is_read_with_it() -> None:
    texts = TextFrames()
    learnt = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    other = b'data: {"choices":[{"index":0,"delta":{"content":"b","content":"c"}}]}\n\n'

    assert texts.leading_texts(learnt + other + learnt) == (["a", "c", "a"], b"")
