"""Bytes to server-sent events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seltzer.client.streams.sse import Decoder, Frame


def decode(*pieces: bytes) -> list[Frame]:
    decoder = Decoder()
    return [frame for piece in pieces for frame in decoder.feed(piece)]


@pytest.mark.parametrize(
    ("stream", "frames"),
    [
        pytest.param(b"data: a\n\n", [Frame("message", "a")], id="a frame without a name is a message"),
        pytest.param(b"event: x\ndata: a\n\n", [Frame("x", "a")], id="a named frame"),
        pytest.param(b"data:a\n\n", [Frame("message", "a")], id="the space after the colon may be left out"),
        pytest.param(b"data:  a\n\n", [Frame("message", " a")], id="only one space is taken off"),
        pytest.param(
            b"data: a\ndata: b\n\n", [Frame("message", "a\nb")], id="data lines are joined by a line feed"
        ),
        pytest.param(
            b"data\ndata\n\n", [Frame("message", "\n")], id="a line without a colon is an empty field"
        ),
        pytest.param(
            b"data: a\r\n\r\ndata: b\r\r", [Frame("message", "a"), Frame("message", "b")], id="all line ends"
        ),
        pytest.param(b": ping\n\ndata: a\n\n", [Frame("message", "a")], id="a comment is nothing"),
        pytest.param(b"id: 1\nretry: 5\nfoo: bar\n\n", [], id="a block without data or name is nothing"),
        pytest.param(
            b"event: x\n\ndata: a\n\n", [Frame("message", "a")], id="a name without data is nothing"
        ),
        pytest.param(
            b"event: x\ndata: a\n\ndata: b\n\n",
            [Frame("x", "a"), Frame("message", "b")],
            id="names don't carry over",
        ),
        pytest.param(b"id: 1-2\ndata: a\n\n", [Frame("message", "a", "1-2")], id="an id"),
        pytest.param(
            b"id: 1\n\ndata: a\n\nid: 2\ndata: b\n\nid\ndata: c\n\n",
            [Frame("message", "a", "1"), Frame("message", "b", "2"), Frame("message", "c", "")],
            id="an id stays until the next one",
        ),
        pytest.param(b"id: a\0b\ndata: a\n\n", [Frame("message", "a", "")], id="an id with NUL is none"),
        pytest.param(b"data: a\n", [], id="a block that isn't closed is dropped"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [Frame("message", "a")], id="a byte order mark is skipped"),
        pytest.param(
            "data: a\u2028b\u2029c\u0085d\n\n".encode(),
            [Frame("message", "a\u2028b\u2029c\u0085d")],
            id="U+2028",
        ),
        pytest.param(
            b"data: a:b: c\n\n", [Frame("message", "a:b: c")], id="further colons belong to the value"
        ),
    ],
)
def test_a_stream_is_parsed_as_the_standard_requires(stream: bytes, frames: list[Frame]) -> None:
    assert frames == decode(stream)


@pytest.mark.parametrize(
    ("stream", "retry_ms"),
    [
        (b"retry: 1000\n\n", 1000),
        (b"retry:0\n", 0),
        (b"retry: 5\nretry: x\n", 5),
        (b"retry: -5\n", None),
        (b"retry: 1.5\n", None),
        (b"retry\n", None),
        ("retry: ٣\n".encode(), None),
        (b"data: a\n\n", None),
    ],
)
def test_the_reconnection_time_is_available(stream: bytes, retry_ms: int | None) -> None:
    decoder = Decoder()

    list(decoder.feed(stream))

    assert decoder.retry_ms == retry_ms


def test_signs_of_life_are_counted() -> None:
    decoder = Decoder()

    list(decoder.feed(b": ping\n\n:\ndata: :\n\n"))

    assert decoder.comments == 2


def test_a_line_end_cut_between_its_two_characters_is_one_line_end() -> None:
    assert [Frame("message", "a\nb")] == decode(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n")


def test_a_line_end_takes_effect_before_the_next_byte_arrives() -> None:
    assert [Frame("message", "a")] == decode(b"data: a\r\n\r")


_LINES = st.lists(
    st.sampled_from(
        [
            "data: ",
            "data:é",
            "data: \U0001f964\u2028",
            "event: x",
            ": ping",
            "id: 1",
            "",
            "\ufeffdata: y",
            "data",
        ]
    ),
    max_size=12,
)
_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@given(st.data(), _LINES)
def test_every_cut_of_the_same_bytes_yields_the_same_frames(data: st.DataObject, lines: list[str]) -> None:
    stream = "".join(line + data.draw(_ENDS) for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))

    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert decode(stream) == decode(*pieces)
    assert decode(stream) == decode(*(bytes([byte]) for byte in stream))


@given(st.lists(st.tuples(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text()), max_size=5), _ENDS)
def test_what_was_framed_is_parsed_back(sent: list[tuple[str, str]], end: str) -> None:
    stream = ""
    expected = []
    for event, text in sent:
        data = text.replace("\r", " ")
        stream += f"event: {event}{end}" + "".join(f"data: {line}{end}" for line in data.split("\n")) + end
        expected.append(Frame(event, data))

    assert expected == decode(stream.encode())


@given(st.binary(), st.integers(0, 50))
def test_garbage_is_cut_like_anything_else(garbage: bytes, cut: int) -> None:
    assert decode(garbage + b"\n\n") == decode(garbage[:cut], garbage[cut:] + b"\n\n")
