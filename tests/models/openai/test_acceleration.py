"""The accelerated model is an option: whatever it depends on may be gone, answers are not."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import CodeType, FunctionType
from typing import Any

import httpx
import langchain_openai
import openai
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models import base
from openai import RateLimitError
from packaging.version import Version

from graphs import agent
from seltzer.models import ModelNotConfigured, chat_model
from seltzer.models.openai import openai_chat, requirements
from seltzer.models.openai.stock import stock_installer
from seltzer.models.openai.strict import StrictChatOpenAI
from tests.graphs.scripted import question
from tests.replies import RATE_LIMITED, Reply, ToolCall
from tests.upstream import Upstream

pytestmark = pytest.mark.usefixtures("untouched", "warned_of_nothing")

SUM = ToolCall("calculator", {"expression": "2+2"})
HAS_FAST = Version(openai.__version__) >= Version("3.52")
needs_fast = pytest.mark.skipif(
    not HAS_FAST, reason="without what the extra `fast` installs it is never there"
)
NAMES = [
    (BaseChatModel, "_agenerate_with_cache"),
    (ChatOpenAI, "_convert_chunk_to_generation_chunk"),
    (ChatOpenAI, "_use_responses_api"),
]


@pytest.fixture
def warned_of_nothing() -> None:
    """Have each warning logged again."""
    requirements.warn_once.cache_clear()


def rename(patch: pytest.MonkeyPatch, name: str) -> None:
    """Give the method another name wherever LangChain defines or calls it, as a release of it might."""
    for kind in [each for each in ChatOpenAI.__mro__ if each.__module__.startswith("langchain")]:
        for function in [each for each in vars(kind).values() if isinstance(each, FunctionType)]:
            patch.setattr(function, "__code__", _renamed(function.__code__, name))
        if name in vars(kind):
            patch.setattr(kind, f"{name}_2", vars(kind)[name], raising=False)
            patch.delattr(kind, name)
    if hasattr(base, name):  # a function of the same name
        patch.setattr(base, f"{name}_2", getattr(base, name), raising=False)


def _renamed(code: CodeType, name: str) -> CodeType:
    constants = tuple(_renamed(each, name) if isinstance(each, CodeType) else each for each in code.co_consts)
    names = tuple(f"{name}_2" if each == name else each for each in code.co_names)
    return code.replace(co_names=names, co_consts=constants)


def ask_the_agent(upstream: Upstream, model: BaseChatModel) -> tuple[list[str], dict[str, Any]]:
    """Run a streamed turn with a tool call; return its texts, and the thread it ends with."""
    upstream.script([Reply(tool_calls=[SUM]), Reply(text="It is four.")])
    texts: list[str] = []
    state: dict[str, Any] = {}

    async def run() -> None:
        async for mode, part in agent.build(model).astream(
            question("2+2?"), stream_mode=["messages", "values"]
        ):
            if mode == "values":
                assert isinstance(part, dict)
                state.update(part)
            elif isinstance(chunk := part[0], AIMessageChunk) and chunk.text:
                texts.append(chunk.text)

    asyncio.run(run())
    return texts, state


def check_the_turn(upstream: Upstream, model: BaseChatModel) -> None:
    texts, state = ask_the_agent(upstream, model)

    assert texts == ["It", " is", " four."]
    assert [m.text for m in state["messages"]] == ["2+2?", "", "4", "It is four."]


def warnings_of(caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    return (each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING)


@needs_fast
def test_the_model_is_accelerated_where_everything_is_there(
    upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    from seltzer.models.openai.accelerated import AcceleratedChatOpenAI

    model = openai_chat("m", "k", upstream.url)

    assert isinstance(model, AcceleratedChatOpenAI)
    check_the_turn(upstream, model)
    assert list(warnings_of(caplog)) == []


@pytest.mark.skipif(HAS_FAST, reason="the extra `fast` is installed")
def test_without_the_extra_the_plain_model_answers_with_one_warning(
    upstream: Upstream,
) -> None:
    model = openai_chat("m", "k", upstream.url)
    make = "from seltzer.models.openai import openai_chat as make; [make('m', 'k', None) for _ in 'ab']"
    process = subprocess.run([sys.executable, "-c", make], capture_output=True, text=True, check=True)

    assert type(model) is StrictChatOpenAI
    check_the_turn(upstream, model)
    assert process.stderr.count("Accelerated OpenAI models need") == 1


@needs_fast
@pytest.mark.parametrize(("owner", "name"), NAMES)
def test_a_private_name_that_is_gone_costs_speed_and_one_warning(
    owner: type,
    name: str,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rename(monkeypatch, name)
    assert not hasattr(owner, name)

    assert stock_installer() is None
    openai_chat("m", "k", upstream.url)
    model = openai_chat("m", "k", upstream.url)

    check_the_turn(upstream, model)
    (warning,) = warnings_of(caplog)
    assert name in warning


@pytest.mark.parametrize("package", ["httptools", "orjson"])
def test_a_package_that_is_not_installed_costs_speed_and_one_warning(
    package: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    assert stock_installer() is None
    check_the_turn(upstream, openai_chat("m", "k", upstream.url))

    (warning,) = warnings_of(caplog)
    assert f"the package {package}" in warning


def _speak_httpx(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(openai, "DefaultAsyncHttpxClient", httpx.AsyncClient)


def _lack_the_chunk_timeout(patch: pytest.MonkeyPatch) -> None:
    patch.delattr(langchain_openai, "StreamChunkTimeoutError")


def _make_other_chunks(patch: pytest.MonkeyPatch) -> None:
    convert = ChatOpenAI._convert_chunk_to_generation_chunk

    def otherwise(self: ChatOpenAI, *args: Any) -> Any:
        if chunk := convert(self, *args):
            chunk.message.additional_kwargs["more"] = True
        return chunk

    patch.setattr(ChatOpenAI, "_convert_chunk_to_generation_chunk", otherwise)


@needs_fast
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_speak_httpx, "httpx2"),
        (_lack_the_chunk_timeout, "stream_chunk_timeout"),
        (_make_other_chunks, "chunks"),
    ],
)
def test_a_library_that_behaves_otherwise_costs_speed_and_one_warning(
    change: Any,
    named: str,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    change(monkeypatch)

    assert stock_installer() is None
    model = openai_chat("m", "k", upstream.url)

    check_the_turn(upstream, model)
    (warning,) = warnings_of(caplog)
    assert named in warning


def _lack_the_http_client(patch: pytest.MonkeyPatch) -> None:
    from langchain_openai.chat_models import _client_utils

    patch.delattr(_client_utils, "_AsyncHttpxClientWrapper")


def _lack_the_clients_attribute(patch: pytest.MonkeyPatch) -> None:
    for kind in openai.AsyncOpenAI.__mro__:
        patch.delitem(vars(kind).get("__annotations__", {}), "_client", raising=False)


@needs_fast
@pytest.mark.parametrize(
    ("change", "named"),
    [(_lack_the_http_client, "_AsyncHttpxClientWrapper"), (_lack_the_clients_attribute, "_client")],
)
def test_peoples_own_models_are_left_alone_where_their_clients_cannot_be_told_apart(
    change: Any,
    named: str,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    theirs = ChatOpenAI(model="m", api_key="k", base_url=upstream.url)
    change(monkeypatch)

    assert stock_installer() is stock_installer() is None
    assert type(openai_chat("m", "k", upstream.url)) is not StrictChatOpenAI

    check_the_turn(upstream, theirs)
    (warning,) = warnings_of(caplog)
    assert named in warning


@pytest.mark.parametrize("choice", ["off", "False"])
def test_it_can_be_switched_off(choice: str, upstream: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    model = chat_model({"OPENAI_BASE_URL": upstream.url, "SELTZER_ACCELERATE": choice})

    assert type(model) is StrictChatOpenAI
    check_the_turn(upstream, model)
    assert list(warnings_of(caplog)) == []


def test_it_is_on_or_off_and_nothing_else() -> None:
    with pytest.raises(ModelNotConfigured, match="SELTZER_ACCELERATE='fast' is neither on nor off"):
        chat_model({"SELTZER_ACCELERATE": "fast"})


@pytest.mark.parametrize("accelerate", [True, False])
def test_a_long_retry_after_is_the_callers_to_wait_for(accelerate: bool, upstream: Upstream) -> None:
    upstream.script(lambda _body: replace(RATE_LIMITED, retry_after_s=60))
    model = openai_chat("m", "k", upstream.url, accelerate=accelerate)

    with pytest.raises(RateLimitError):
        asyncio.run(model.ainvoke("q", stream=True))
    with pytest.raises(RateLimitError):
        model.invoke("q")

    assert len(upstream.requests) == 2
