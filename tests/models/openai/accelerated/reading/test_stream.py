"""The chunks read from the bytes are those that the long way makes: of every dialect, however it is cut."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai import ChatOpenAI, StreamChunkTimeoutError
from openai import NOT_GIVEN, APIConnectionError, APITimeoutError, DefaultAsyncHttpxClient, DefaultHttpxClient
from pydantic import BaseModel, SecretStr

from seltzer.models import UpstreamTruncated
from seltzer.models.openai import openai_chat
from seltzer.models.openai.accelerated import AcceleratedChatOpenAI
from seltzer.models.openai.accelerated.http.client import ModelHttpClient
from seltzer.models.openai.strict import StrictChatOpenAI
from tests.models.openai.dialects import BROKEN, DONE, STREAMS, frame
from tests.models.openai.wire import CHUNKED, END, answering, chunked, read_request, sending

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),  # the SDK's, of odd frames
]

ANSWERS = STREAMS | BROKEN
FRAMES = [frame + b"\n\n" for frame in STREAMS["openai"].split(b"\n\n")]
ASKED = [HumanMessage("q")]
OF_THE_WAY = {"x-stainless-raw-response", "x-stainless-async", "x-stainless-read-timeout"}
CALLED = AIMessage("", tool_calls=[{"name": "look", "args": {"at": "x"}, "id": "c1"}])
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
HISTORIES: dict[str, list[BaseMessage]] = {
    "text": [
        SystemMessage("be brief"),
        HumanMessage("q", name="bob"),
        AIMessage("a"),
        HumanMessage("\u2028é"),
    ],
    "a tool": [HumanMessage("q"), CALLED, ToolMessage("seen", tool_call_id="c1")],
    "blocks": [HumanMessage([{"type": "text", "text": "q"}, IMAGE])],
    "none": [],
}


@tool
def look(at: str) -> str:
    """Look."""
    return at


class Look(BaseModel):
    """A look."""

    at: str


FORMS: dict[str, Any] = {
    "a class": Look,
    "a schema": {"type": "json_schema", "json_schema": {"name": "Look", "schema": Look.model_json_schema()}},
    "JSON": {"type": "json_object"},
    "text": {"type": "text"},
}
OPTIONS: dict[str, dict[str, Any]] = {
    **{f"in the form of {name}": {"response_format": form} for name, form in FORMS.items()},
    "plain": {},
    "tools": {"tools": [convert_to_openai_tool(look)], "tool_choice": "auto", "parallel_tool_calls": False},
    "numbers": {"temperature": 0.5, "seed": 7, "stop": ["a", "b"], "logit_bias": {"1": 2}, "n": 1},
    "a tuple": {"stop": ("a", "b")},
    "not given": {"user": NOT_GIVEN},
    "extra": {"extra_body": {"top_k": 3}, "extra_headers": {"x-y": "z"}, "extra_query": {"v": "1"}},
    "a timeout": {"timeout": 3.0},
    "unknown": {"top_k": 3},
}
Kind = TypeVar("Kind", bound=ChatOpenAI)


class Pieces(httpx2.AsyncBaseTransport):
    """Answers every request with a stream that arrives in these pieces."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        async def body() -> AsyncIterator[bytes]:
            for piece in self.pieces:
                yield piece

        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body())


class Recorder(httpx2.AsyncBaseTransport):
    """Writes down what it is asked."""

    def __init__(self) -> None:
        self.requests: list[list[Any]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name not in OF_THE_WAY}
        body = json.loads(await request.aread())  # whose keys may have another order
        self.requests.append([request.method, str(request.url), headers, body])
        return httpx2.Response(200, content=STREAMS["openai"])


def _model(kind: type[Kind], pieces: Sequence[bytes], **options: Any) -> Kind:
    return _model_on(kind, Pieces(pieces), **options)


def _model_on(kind: type[Kind], transport: httpx2.AsyncBaseTransport, **options: Any) -> Kind:
    client = DefaultAsyncHttpxClient(transport=transport)
    return kind(model="m", api_key="k", base_url="http://x/v1", http_async_client=client, **options)


def _facts(chunk: ChatGenerationChunk) -> list[Any]:
    """All there is to a chunk."""
    message = chunk.message
    return [
        type(message),
        chunk.model_dump(),
        chunk.model_dump(exclude_unset=True),
        message.model_dump(),
        message.model_dump(exclude_unset=True),
        list(chunk.__dict__),
        list(message.__dict__),
        message.model_fields_set,
        chunk.model_fields_set,
        message.__pydantic_extra__,
        message.__pydantic_private__,
        repr(chunk),
        str(message.text),
        message.content_blocks,
    ]


async def _outcome(model: ChatOpenAI, **options: Any) -> tuple[list[list[Any]], str]:
    """A stream's outcome: its chunks, and the error that ended it."""
    chunks = []
    try:
        async for chunk in model._astream(ASKED, **options):
            chunks.append(_facts(chunk))
    except Exception as error:  # noqa: BLE001  any: both ways must fail alike
        return chunks, f"{type(error).__name__}: {error}"
    return chunks, ""


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_dialect_yields_the_chunks_and_the_error_of_the_plain_way(name: str) -> None:
    pieces = [ANSWERS[name]]

    lean = await _outcome(_model(AcceleratedChatOpenAI, pieces))
    long = await _outcome(_model(StrictChatOpenAI, pieces))

    assert lean == long
    assert lean[0] or name in ("empty", "html", "a comment that isn't utf-8", "an assistant's event")


@pytest.mark.parametrize("name", STREAMS)
async def test_langchains_own_model_makes_the_same_chunks(name: str) -> None:
    """Reasoning apart, which it drops."""
    async with answering(sending(CHUNKED, chunked(STREAMS[name]), END)) as url:
        lean = await asyncio.to_thread(openai_chat, "m", "k", url)
        plain = await asyncio.to_thread(ChatOpenAI, model="m", api_key="k", base_url=url)
        chunks = [chunk async for chunk in lean._astream(ASKED)]
        expected = [chunk async for chunk in plain._astream(ASKED)]

    for chunk in chunks:
        chunk.message.additional_kwargs.pop("reasoning_content", None)
    assert [_facts(chunk) for chunk in chunks[: len(expected)]] == [_facts(chunk) for chunk in expected]
    assert all(chunk.message.tool_call_chunks for chunk in chunks[len(expected) :])  # type: ignore[attr-defined]


def _in_form(*texts: str, finish_reason: str = "stop") -> bytes:
    events = [frame({"role": "assistant", "content": ""}), *(frame({"content": text}) for text in texts)]
    usage = frame({}, choice={"finish_reason": finish_reason})
    return "".join([*events, usage, DONE]).encode()


LOOKS = {
    "a look": _in_form('{"at"', ': "th', 'is"}'),
    "a look in one piece": _in_form('{"at": "this"}'),
    "half of one": _in_form('{"at": ', '"th', finish_reason="length"),
    "a filtered one": _in_form('{"at": ', finish_reason="content_filter"),
    "another thing": _in_form('{"x": ', "1}"),
    "nothing": _in_form(),
    "its thinking": _in_form('{"at": "x"}').replace(
        b'"content": ""', b'"reasoning": "hm", "content": null', 1
    ),
}
# There the SDK fails amid a whole answer, for want of a role, or leaves out what doesn't name itself a chunk.
LEFT_OUT = ("missing", "forms")


@pytest.mark.parametrize("name", ANSWERS)
def test_a_plain_function_gets_the_chunks_and_the_error_of_the_plain_way(name: str) -> None:
    halves = len(ANSWERS[name]) // 2
    pieces = [ANSWERS[name][:halves], ANSWERS[name][halves:]]

    lean = _blocking_outcome(AcceleratedChatOpenAI, pieces)
    long = _blocking_outcome(StrictChatOpenAI, pieces)

    assert lean == long


def _blocking_outcome(kind: type[ChatOpenAI], pieces: Sequence[bytes]) -> tuple[list[list[Any]], str]:
    answer = httpx2.MockTransport(lambda _: httpx2.Response(200, content=iter(pieces)))
    client = DefaultHttpxClient(transport=answer)
    model = kind(model="m", api_key=SecretStr("k"), base_url="http://x/v1", http_client=client)
    chunks = []
    try:
        for chunk in model._stream(ASKED):
            chunks.append(_facts(chunk))
    except Exception as error:  # noqa: BLE001  any: both ways must fail alike
        return chunks, f"{type(error).__name__}: {error}"
    return chunks, ""


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (httpx2.ReadTimeout("late"), APITimeoutError),
        (httpx2.ReadError("reset"), APIConnectionError),
    ],
)
def test_a_connection_that_breaks_has_the_sdks_error_in_a_plain_function(
    error: Exception, raised: type[Exception]
) -> None:
    def body() -> Iterator[bytes]:
        yield FRAMES[0] + FRAMES[1]
        raise error

    answer = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body()))
    client = DefaultHttpxClient(transport=answer)
    model = AcceleratedChatOpenAI(
        model="m", api_key=SecretStr("k"), base_url="http://x/v1", http_client=client
    )

    with pytest.raises(raised):
        list(model._stream(ASKED))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LOOKS)
async def test_an_answer_in_a_form_yields_the_chunks_and_the_error_of_the_plain_way(
    name: str, form: str
) -> None:
    outcomes = [
        await _outcome(_model(kind, [LOOKS[name]]), response_format=FORMS[form])
        for kind in (AcceleratedChatOpenAI, StrictChatOpenAI)
    ]

    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0]


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in LEFT_OUT])
async def test_every_dialect_yields_the_chunks_of_the_plain_way_in_a_form_too(name: str) -> None:
    pieces = [bytes([byte]) for byte in STREAMS[name]]

    outcomes = [
        await _outcome(_model(kind, pieces), response_format=FORMS["JSON"])
        for kind in (AcceleratedChatOpenAI, StrictChatOpenAI)
    ]

    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("answer", ["truncated", "truncated in a frame", "empty"])
async def test_half_an_answer_in_a_form_is_truncated(answer: str, form: str) -> None:
    with pytest.raises(UpstreamTruncated):
        async for _ in _model(AcceleratedChatOpenAI, [BROKEN[answer]])._astream(
            ASKED, response_format=FORMS[form]
        ):
            pass


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(ANSWERS)), st.data())
def test_it_does_not_matter_how_the_bytes_are_cut(name: str, data: st.DataObject) -> None:
    answer = ANSWERS[name]
    cuts = data.draw(st.lists(st.integers(0, len(answer)), max_size=30).map(sorted))
    pieces = [answer[start:end] for start, end in zip([0, *cuts], [*cuts, len(answer)], strict=True)]

    assert asyncio.run(_outcome(_model(AcceleratedChatOpenAI, pieces))) == _expected(name)


@pytest.mark.parametrize("name", ANSWERS)
def test_it_does_not_matter_if_each_byte_arrives_alone(name: str) -> None:
    pieces = [bytes([byte]) for byte in ANSWERS[name]]

    assert asyncio.run(_outcome(_model(AcceleratedChatOpenAI, pieces))) == _expected(name)


@cache
def _expected(name: str) -> tuple[list[list[Any]], str]:
    return asyncio.run(_outcome(_model(StrictChatOpenAI, [ANSWERS[name]])))


_VALUES: list[Any] = [None, None, "", "x", 0, 1, {}, [], False, {"content": None}, {"arguments": "{"}]
_ANY = st.sampled_from(_VALUES)
_TOKENS: list[Any] = [
    {},
    {"prompt_tokens": 1},
    {"prompt_tokens_details": {}},
    {"completion_tokens_details": []},
]


def _objects(required: dict[str, Any], *optional: str, **others: Any) -> st.SearchStrategy[Any]:
    """Objects with some of these fields, most of which hold nothing to speak of."""
    return st.fixed_dictionaries(required, optional=dict.fromkeys(optional, _ANY) | others)


_CALL = _objects(
    {"function": st.just({"name": "n"}) | _ANY}, "id", "type", "other", index=st.integers(0, 1) | _ANY
)
_DELTA = _objects(
    {},
    *("id", "function_call", "refusal", "reasoning_content", "other"),
    content=st.just("text") | _ANY,
    role=st.sampled_from(["assistant", "assistant", "user", "system", "developer", "", None]),
    tool_calls=st.lists(_CALL, max_size=2) | _ANY,
)
_CHOICE = _objects({"delta": _DELTA}, "index", "finish_reason", "logprobs", "other")
_FRAME = _objects(
    {"choices": st.lists(_CHOICE, min_size=1, max_size=1) | st.lists(_CHOICE | _ANY, max_size=2)},
    *("id", "model", "service_tier", "chunk", "other"),
    type=st.sampled_from([None, "", "content.delta"]),
    error=st.sampled_from([None, None, None, "", "x"]),
    usage=st.sampled_from(_TOKENS) | _ANY,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frames=st.lists(_FRAME, min_size=1, max_size=3))
def test_whatever_frames_have_they_make_the_chunks_and_the_error_of_the_plain_way(
    both: tuple[Pieces, Sequence[ChatOpenAI]], frames: list[Any]
) -> None:
    answer, models = both
    answer.pieces = [*(f"data: {json.dumps(each)}\n\n".encode() for each in frames), *FRAMES[-4:]]

    accelerated, strict = [asyncio.run(_outcome(model)) for model in models]

    assert accelerated == strict


@pytest.fixture(scope="module")
def both() -> tuple[Pieces, Sequence[ChatOpenAI]]:
    """Both models over one transport."""
    answer = Pieces([])
    return answer, [_model_on(kind, answer) for kind in (AcceleratedChatOpenAI, StrictChatOpenAI)]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("history", HISTORIES)
async def test_the_request_is_the_one_that_the_sdk_makes(history: str, options: str) -> None:
    outcomes: list[Any] = []
    for kind in (AcceleratedChatOpenAI, StrictChatOpenAI):
        asked = Recorder()
        client = DefaultAsyncHttpxClient(transport=asked)
        model: ChatOpenAI = kind(
            model="m",
            api_key=SecretStr("k"),
            base_url="http://x/v1",
            http_async_client=client,
            stream_usage=True,
        )
        try:
            async for _ in model._astream(HISTORIES[history], **OPTIONS[options]):
                pass
        except (TypeError, ValueError) as error:
            outcomes.append([str(error), asked.requests])
        else:
            outcomes.append(asked.requests)

    assert outcomes[0] == outcomes[1] != []


async def test_what_a_user_sees_is_the_same_too() -> None:
    """Through astream: ids apart, which name the run."""
    seen = []
    for kind in (AcceleratedChatOpenAI, StrictChatOpenAI):
        chunks = [chunk async for chunk in _model(kind, [STREAMS["openai"]]).astream("q")]
        assert len({chunk.id for chunk in chunks}) == 1
        seen.append([chunk.model_dump(exclude={"id"}) for chunk in chunks])
        whole = AIMessageChunk(content="") + chunks
        seen[-1].append(whole.model_dump(exclude={"id"}))

    assert seen[0] == seen[1]


async def test_no_chunk_shares_anything_that_can_be_changed() -> None:
    chunks = [chunk async for chunk in _model(AcceleratedChatOpenAI, [STREAMS["openai"]])._astream(ASKED)]

    for chunk in chunks:
        chunk.message.name = "changed"
        for value in chunk.message.__dict__.values():
            if isinstance(value, list):
                value.append("changed")
            elif isinstance(value, dict):
                value["changed"] = True
    again = [chunk async for chunk in _model(AcceleratedChatOpenAI, [STREAMS["openai"]])._astream(ASKED)]

    assert "changed" not in repr(again)
    assert not any("name" in chunk.message.model_fields_set for chunk in again)
    for field in ("additional_kwargs", "response_metadata", "tool_calls", "invalid_tool_calls"):
        assert len({id(getattr(chunk.message, field)) for chunk in chunks}) == len(chunks)


@pytest.mark.parametrize(
    "options",
    [
        {"include_response_headers": True},
        {"output_version": "v1"},
        {"model_kwargs": {"response_format": {"type": "text"}}},
    ],
)
async def test_what_is_read_in_another_way_is_left_to_the_plain_one(options: dict[str, Any]) -> None:
    outcomes = [
        await _outcome(_model(kind, [STREAMS["openai"]], **options))
        for kind in (AcceleratedChatOpenAI, StrictChatOpenAI)
    ]

    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0]


async def test_a_timeout_of_the_clients_own_is_not_mistaken_for_the_models() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield FRAMES[0]
        raise TimeoutError("the client's own")

    answer = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body()))
    model = _model_on(AcceleratedChatOpenAI, answer)

    with pytest.raises(TimeoutError, match="the client's own"):
        async for _ in model.astream("q"):
            pass


async def test_only_a_frame_counts_as_a_sign_of_life() -> None:
    """stream_chunk_timeout is ChatOpenAI's; pings alone don't keep a stream alive."""
    pinged = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunked(FRAMES[0] + FRAMES[1]))
        while True:
            writer.write(chunked(b": ping\n\n"))
            await writer.drain()
            pinged.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.1)
                return

    async with answering(answer) as url:
        model = await asyncio.to_thread(_lean, url, stream_chunk_timeout=0.4)
        with pytest.raises(StreamChunkTimeoutError, match=r"0\.4s \(model=m, chunks_received=2\)"):
            async for _ in model.astream("q"):
                pass

    assert pinged.is_set()


def _lean(url: str, **options: Any) -> StrictChatOpenAI:
    return AcceleratedChatOpenAI(
        model="m", api_key="k", base_url=url, http_async_client=ModelHttpClient(), **options
    )
