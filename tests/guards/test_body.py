"""The body reader: at once (parse), over ASGI, and over a real socket."""

import http.client
import itertools
import json
import math
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from seltzer.errors import BadRequest, InvalidInput
from seltzer.guards import faults
from seltzer.guards.body import DRAIN_BYTES, BodyLimits, BodyReader, parse
from tests.guards.app_calls import GONE, Answer, call, echo, part
from tests.serving import Served, serving

DEPTH = 64
LIMITS = BodyLimits(limit_bytes=1000, timeout_s=10, depth=DEPTH, attachments_bytes=5000)
READER = echo(LIMITS)
APART = "1000 bytes, attachments not counted"
ATTACHED = echo(LIMITS, has_attachments=True)
BODILESS = echo(LIMITS, may_be_empty=True)
MIB = 1_048_576
JSON_HEAD = "POST /echo HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
LAST_CHUNK = b"0\r\n\r\n"

storable_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
storable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | storable_text,
    lambda inner: st.lists(inner) | st.dictionaries(storable_text, inner),
)


def read(text: str) -> Any:
    return parse(text.encode(), DEPTH)


class TestParse:
    @given(storable, st.booleans())
    @example("👩‍👩‍👧 漢字 \u2028\u2029\x85 שלום", False)
    @example([0.1, -0.0, 5e-324, 1.7976931348623157e308, 2**63 - 1, -(2**63)], True)
    def test_whatever_can_be_stored_passes_unchanged(self, value: object, ascii_only: bool) -> None:
        assert read(json.dumps(value, ensure_ascii=ascii_only)) == value

    @given(st.binary(max_size=60))
    def test_any_other_bytes_are_refused_or_read_and_never_break_it(self, body: bytes) -> None:
        try:
            value = parse(body, DEPTH)
        except BadRequest:
            return
        assert value == json.loads(body)

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "is empty"),
            (b"  ", "isn't JSON"),
            (b'{"a": 1', "isn't JSON: .* at line 1, column 8"),
            (b'{"a": 1} x', "isn't JSON: Extra data"),
            (b"{'a': 1}", "isn't JSON"),
            (b'{"a": "\xff"}', r"isn't UTF-8 \(byte 7\)"),
            (b'"\xed\xa0\x80"', "isn't UTF-8"),
            ("\ufeff{}".encode(), "isn't JSON"),
            (b"[NaN]", "NaN is not a JSON number"),
            (b"[Infinity]", "Infinity is not a JSON number"),
            (b"[-Infinity]", "-Infinity is not a JSON number"),
            (b"[1e999]", "number that is too large"),
            (b"[-1e999]", "number that is too large"),
            (b"9223372036854775808", "integer of more than 64 bit"),
            (b"-9223372036854775809", "integer of more than 64 bit"),
            (b"1" * 20, "integer of more than 64 bit"),
            (b"1" * 100_000, "integer of more than 64 bit"),
            (b'{"a": 1, "b": 2, "a": 3}', "the key 'a' twice"),
            (b"[" * 100_000, "nested deeper than 64"),
        ],
    )
    def test_what_is_no_json_is_refused(self, body: bytes, reason: str) -> None:
        with pytest.raises(BadRequest, match=reason):
            parse(body, DEPTH)

    @pytest.mark.parametrize("inner", ["", "1", '"x"'])
    def test_sixty_four_levels_are_accepted(self, inner: str) -> None:
        read("[" * 64 + inner + "]" * 64)
        read('{"a":' * 63 + "{" + (f'"a":{inner}' if inner else "") + "}" + "}" * 63)

    @pytest.mark.parametrize("inner", ["", "1", '"x"'])
    def test_sixty_five_levels_are_refused(self, inner: str) -> None:
        with pytest.raises(BadRequest, match="nested deeper than 64"):
            read("[" * 65 + inner + "]" * 65)
        with pytest.raises(BadRequest, match="nested deeper than 64"):
            read('{"a":' * 64 + "{" + (f'"a":{inner}' if inner else "") + "}" + "}" * 64)

    @pytest.mark.parametrize("character", ["\\u0000", "\\ud800", "\\udfff", "\\ude00\\ud83d"])
    @pytest.mark.parametrize(
        ("around", "field"),
        [
            ('"{}"', "body"),
            ('{{"input": {{"messages": [1, "a{}b"]}}}}', "input.messages.1"),
            ('{{"{}": 1}}', "body"),
            ('{{"input": [{{"{}": 1}}]}}', "input.0"),
        ],
    )
    def test_strings_that_no_store_keeps_are_refused_by_their_field(
        self, character: str, around: str, field: str
    ) -> None:
        with pytest.raises(InvalidInput, match="NUL or a lone surrogate") as refused:
            read(around.format(character))

        assert refused.value.field == field

    def test_a_surrogate_pair_is_a_character(self) -> None:
        assert read('"\\ud83d\\ude00"') == "😀"

    def test_an_error_shows_no_more_than_the_beginning_of_a_long_key(self) -> None:
        key = "k" * 100_000

        with pytest.raises(BadRequest) as twice:
            read(f'{{"{key}": 1, "{key}": 2}}')
        with pytest.raises(InvalidInput) as lone:
            read(f'{{"{key}": ["\\ud800"]}}')

        assert len(str(twice.value)) < 200
        assert len(str(lone.value)) < 200

    def test_a_long_key_over_many_items_costs_no_more_than_its_length(self) -> None:
        assert len(read('{"' + "k" * 400_000 + '": [' + "[]," * 150_000 + "0]}").popitem()[1]) == 150_001


@pytest.mark.anyio
class TestOverAsgi:
    async def test_a_body_in_parts_is_put_together(self) -> None:
        answer = await call(READER, [part(b'{"a":'), part(b""), part(b" 1}", more=False)])

        assert answer.json == {"json": {"a": 1}}

    async def test_a_body_that_was_read_before_is_read_again(self) -> None:
        async def read_twice(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            raw = await request.body()
            value = await BodyReader(LIMITS).read(request)
            await JSONResponse([raw.decode(), value])(scope, receive, send)

        answer = await call(read_twice, [part(b"[1,"), part(b"2]", more=False)])

        assert answer.json == ["[1,2]", [1, 2]]

    @pytest.mark.parametrize("at", [0, 1, 2])
    async def test_a_client_that_leaves_in_mid_body_gets_no_answer(self, at: int) -> None:
        parts = [part(b"[1,"), part(b"2,")]

        answer = await call(READER, [*parts[:at], GONE])

        assert answer.messages == []

    async def test_a_client_that_leaves_a_refused_body_gets_no_answer(self) -> None:
        answer = await call(READER, [part(b"x" * 1001), part(b"x"), GONE])

        assert answer.messages == []

    async def test_a_body_of_the_limit_is_accepted_and_one_more_byte_is_not(self) -> None:
        whole = b'"' + b"x" * 998 + b'"'

        received = await call(READER, [part(whole, more=False)])
        refused = await call(READER, [part(whole), part(b" ", more=False)])

        assert received.status == 200
        assert_problem(refused, 413, "body_too_large")

    @pytest.mark.parametrize(
        ("body", "limit"),
        [
            ({"type": "image", "base64": "x" * 4000}, None),
            ({"a": "x" * 900, "b": {"type": "image", "data": "x" * 4000}}, None),
            ({"a": "x" * 990, "b": {"type": "image", "data": "x" * 4000}}, APART),
            ({"base64": "x" * 4000}, APART),
            ({"type": "image", "base64": "x" * 6000}, "6000 bytes"),
        ],
    )  # fmt: skip
    async def test_attachments_count_apart_where_there_may_be_some(
        self, body: dict[str, Any], limit: str | None
    ) -> None:
        whole = part(json.dumps(body).encode(), more=False)

        answer, elsewhere = await call(ATTACHED, [whole]), await call(READER, [whole])

        if limit is None:
            assert (answer.status, answer.json) == (200, {"json": body})
        else:
            assert_problem(answer, 413, "body_too_large")
            assert answer.json["detail"] == f"the body is larger than {limit}"
        assert_problem(elsewhere, 413, "body_too_large")

    async def test_a_long_body_that_is_no_json_is_too_large(self) -> None:
        answer = await call(ATTACHED, [part(b"x" * 1001, more=False)])

        assert_problem(answer, 413, "body_too_large")
        assert "the body isn't JSON" in answer.json["detail"]

    async def test_what_no_store_can_keep_is_named_in_a_long_body_too(self) -> None:
        body = json.dumps({"type": "image", "a\x00b": 1, "base64": "x" * 4000})

        assert_problem(await call(ATTACHED, [part(body.encode(), more=False)]), 422, "invalid_input")

    async def test_a_body_that_crosses_the_limit_with_its_last_part_is_answered_at_once(self) -> None:
        answer = await call(READER, [part(b"x" * 1001, more=False)])

        assert_problem(answer, 413, "body_too_large")

    async def test_too_large_by_its_length_is_read_to_its_end_and_then_refused(self) -> None:
        headers = {"content-type": "application/json", "content-length": "1001"}

        answer = await call(READER, [part(b"x" * 500), part(b"x" * 501, more=False)], headers=headers)

        assert_problem(answer, 413, "body_too_large")
        assert answer.received == 2

    async def test_no_more_is_read_of_a_refused_body_than_eight_mebibytes(self) -> None:
        answer = await call(READER, itertools.repeat(part(b"x" * MIB)))

        assert_problem(answer, 413, "body_too_large")
        assert answer.received <= DRAIN_BYTES // MIB + 2

    @pytest.mark.parametrize("length", ["²", "ten", "-1", ""])
    async def test_a_length_that_is_no_number_counts_for_nothing(self, length: str) -> None:
        headers = {"content-type": "application/json", "content-length": length}

        assert (await call(READER, [part(b"1", more=False)], headers=headers)).status == 200

    @pytest.mark.parametrize(
        "kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"]
    )
    async def test_json_by_any_of_its_media_types_is_accepted(self, kind: str) -> None:
        assert (await call(READER, [part(b"1", more=False)], headers={"content-type": kind})).status == 200

    @pytest.mark.parametrize("headers", [{}, {"content-type": ""}, {"content-type": "text/plain"}])
    async def test_what_is_not_declared_as_json_is_refused(self, headers: dict[str, str]) -> None:
        answer = await call(READER, [part(b"{}", more=False)], headers=headers)

        assert_problem(answer, 415, "not_json")

    @pytest.mark.parametrize("coding", ["br", "gzip", "GZIP, br", "x" * 1000])
    async def test_a_compressed_body_is_refused(self, coding: str) -> None:
        headers = {"content-type": "application/json", "content-encoding": coding}

        answer = await call(READER, [part(b"{}", more=False)], headers=headers)

        assert_problem(answer, 415, "not_json")
        assert answer.json["detail"].startswith("content-encoding is ")
        assert len(answer.json["detail"]) < 200

    async def test_a_body_may_be_declared_uncompressed(self) -> None:
        headers = {"content-type": "application/json", "content-encoding": "identity"}

        assert (await call(READER, [part(b"1", more=False)], headers=headers)).status == 200

    @pytest.mark.parametrize("headers", [{}, {"content-type": ""}, {"content-type": "application/json"}])
    @pytest.mark.parametrize("parts", [[part(b"", more=False)], [part(b""), part(b"", more=False)]])
    async def test_where_none_is_needed_no_body_is_none(
        self, headers: dict[str, str], parts: list[Message]
    ) -> None:
        answer = await call(BODILESS, parts, headers=headers)

        assert answer.json == {"json": None}

    async def test_where_none_is_needed_a_body_has_the_same_rules(self) -> None:
        received = await call(BODILESS, [part(b"{}", more=False)])
        undeclared = await call(BODILESS, [part(b"{}", more=False)], headers={})
        broken = await call(BODILESS, [part(b"{", more=False)])
        large = await call(BODILESS, [part(b"x" * 1001, more=False)])

        assert received.json == {"json": {}}
        assert_problem(undeclared, 415, "not_json")
        assert_problem(broken, 400, "bad_request")
        assert_problem(large, 413, "body_too_large")

    async def test_elsewhere_no_body_is_refused_as_ever(self) -> None:
        assert_problem(await call(READER, [part(b"", more=False)], headers={}), 415, "not_json")
        assert_problem(await call(READER, [part(b"", more=False)]), 400, "bad_request")

    async def test_a_refusal_names_the_field_and_not_the_value(self) -> None:
        answer = await call(READER, [part(b'{"input": "my secret\\u0000"}', more=False)])

        assert_problem(answer, 422, "invalid_input")
        assert answer.json["detail"] == "input: has a NUL or a lone surrogate"


def assert_problem(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json["status"], answer.json["code"]) == (status, status, code)


@pytest.mark.parametrize("value", ["👩‍👩‍👧", "漢字かな", "a\u2028b\u2029c\x85d", "שלום\u202e", "\x7f\x1f"])
def test_text_is_returned_as_it_was_sent(value: str) -> None:
    client, as_json = TestClient(READER), {"content-type": "application/json"}

    plain = client.post("/", json={"text": value})
    escaped = client.post("/", content=json.dumps(value), headers=as_json)

    assert plain.json()["json"] == {"text": value}
    assert escaped.json()["json"] == value


@pytest.fixture(scope="module")
def reading() -> Iterator[Served]:
    """A real server that reads within limits of 1 MiB and 0.3 s."""
    app, reader = FastAPI(), BodyReader(BodyLimits(MIB, 0.3, DEPTH))

    @app.post("/echo")
    async def read_body(request: Request) -> Any:
        return {"json": await reader.read(request)}

    faults.mount(app)
    app.add_middleware(faults.Boundary)
    with serving(app) as served:
        yield served


class Socket:
    """A connection that sends bytes and reads answers."""

    def __init__(self, served: Served) -> None:
        self._raw = socket.create_connection(served.address, timeout=10)

    def send(self, *parts: bytes | str) -> None:
        for each in parts:
            self._raw.sendall(each.encode() if isinstance(each, str) else each)

    def answer(self) -> tuple[int, Any]:
        response = http.client.HTTPResponse(self._raw)
        response.begin()
        return response.status, json.loads(response.read())

    def close(self) -> None:
        self._raw.close()


@pytest.fixture
def connection(reading: Served) -> Iterator[Socket]:
    opened = Socket(reading)
    yield opened
    opened.close()


def chunk(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


class TestOverASocket:
    def test_a_client_that_is_still_sending_sees_the_413(self, connection: Socket) -> None:
        connection.send(JSON_HEAD, f"content-length: {3 * MIB}\r\n\r\n", b"x" * (3 * MIB))

        status, body = connection.answer()

        assert (status, body["code"]) == (413, "body_too_large")

    def test_so_does_one_that_sends_chunks(self, connection: Socket) -> None:
        connection.send(JSON_HEAD, "transfer-encoding: chunked\r\n\r\n")
        connection.send(*[chunk(b"x" * 65_536)] * 48, LAST_CHUNK)

        status, body = connection.answer()

        assert (status, body["code"]) == (413, "body_too_large")

    @pytest.mark.parametrize("refused", [b"x" * (MIB + 1), b"[NaN]"])
    def test_after_a_refusal_the_connection_stays_usable(self, connection: Socket, refused: bytes) -> None:
        connection.send(JSON_HEAD, f"content-length: {len(refused)}\r\n\r\n", refused)
        assert connection.answer()[0] in (400, 413)

        connection.send(JSON_HEAD, "content-length: 2\r\n\r\n{}")

        assert connection.answer() == (200, {"json": {}})

    def test_a_body_in_chunks_of_one_byte_is_put_together(self, connection: Socket) -> None:
        whole = json.dumps({"text": "漢字 👩‍👩‍👧"}, ensure_ascii=False).encode()

        connection.send(JSON_HEAD, "transfer-encoding: chunked\r\n\r\n")
        connection.send(*(chunk(bytes([each])) for each in whole), LAST_CHUNK)

        assert connection.answer() == (200, {"json": {"text": "漢字 👩‍👩‍👧"}})

    def test_a_body_that_does_not_arrive_is_408(self, connection: Socket) -> None:
        connection.send(JSON_HEAD, 'content-length: 100\r\n\r\n{"text": ')

        status, body = connection.answer()

        assert (status, body["code"]) == (408, "body_timeout")
        assert body["detail"] == "the body didn't arrive within 0.3 s"

    def test_a_client_that_leaves_in_mid_body_harms_nobody(self, reading: Served) -> None:
        leaver, other = Socket(reading), Socket(reading)
        leaver.send(JSON_HEAD, 'content-length: 100\r\n\r\n{"text": ')
        leaver.close()

        other.send(JSON_HEAD, "content-length: 1\r\n\r\n1")

        assert other.answer() == (200, {"json": 1})
        other.close()


def test_numbers_keep_their_kind() -> None:
    assert math.copysign(1, read("-0.0")) == -1
    assert isinstance(read("1.0"), float)
    assert isinstance(read("1"), int)
