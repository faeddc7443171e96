"""The short way to a model's listeners calls them as LangChain's own way does."""

import uuid
from typing import Any

import anyio
import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, BaseCallbackHandler
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from seltzer.models.openai.accelerated.callbacks import CallbacksInPlace, callbacks_in_place
from seltzer.models.openai.accelerated.reading.text_chunk import text_chunk

pytestmark = pytest.mark.anyio


class Listener(BaseCallbackHandler):
    """Records its calls, and whose turn it was; may ignore them, or raise."""

    run_inline = True

    def __init__(
        self, *, ignores: bool = False, raises: Exception | None = None, raise_error: bool = False
    ) -> None:
        self.turns: list[str] = []
        self.calls: list[Any] = []
        self.ignores = ignores
        self.raises = raises
        self.raise_error = raise_error

    @property
    def ignore_llm(self) -> bool:
        return self.ignores

    def on_llm_new_token(self, *args: Any, **kwargs: Any) -> Any:
        self.turns.append(type(self).__name__)
        self.calls.append((args, kwargs))
        if self.raises:
            raise self.raises


class Elsewhere(Listener):
    """One that LangChain calls in another thread."""

    run_inline = False


class Waited(Listener):
    """One whose answer is waited for, in its turn."""

    async def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
        await anyio.lowlevel.checkpoint()
        super().on_llm_new_token(*args, **kwargs)


class Gathered(Waited):
    """One that is awaited with others like it, after those in place."""

    run_inline = False


class Reader(Listener):
    """One that can do without a message of each text."""

    def on_llm_texts(self, *args: Any, **kwargs: Any) -> None:
        self.turns.append(type(self).__name__)
        self.calls.append((args, kwargs))
        if self.raises:
            raise self.raises


def run_with(*listeners: BaseCallbackHandler) -> AsyncCallbackManagerForLLMRun:
    return AsyncCallbackManagerForLLMRun(
        run_id=uuid.UUID(int=1),
        parent_run_id=uuid.UUID(int=2),
        handlers=list(listeners),
        inheritable_handlers=[],
        tags=["a tag"],
    )


async def publish(run: AsyncCallbackManagerForLLMRun) -> None:
    for text in ("one", "two"):
        chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
        await run.on_llm_new_token(text, chunk=chunk, more="given")


async def call(listeners: list[Listener], *, is_short: bool) -> Any:
    """Return the listeners' calls and their order, and how it ended."""
    turns: list[str] = []
    for each in listeners:
        each.turns = turns
    run = run_with(*listeners)
    callbacks = callbacks_in_place(run) if is_short else run
    assert (callbacks is not run) == is_short
    try:
        await publish(callbacks)
    except (ValueError, NotImplementedError) as error:
        return turns, [each.calls for each in listeners], repr(error)
    return turns, [each.calls for each in listeners], "callbacks"


@pytest.mark.parametrize(
    "kinds", [[Listener], [Waited, Listener], [Gathered], [Gathered, Listener, Waited], [Listener, Gathered]]
)
async def test_listeners_are_published_the_same_either_way(kinds: list[type[Listener]]) -> None:
    def made() -> list[Listener]:
        return [*(kind() for kind in kinds), Gathered(ignores=True), Elsewhere(ignores=True)]

    long, short = await call(made(), is_short=False), await call(made(), is_short=True)

    assert short == long
    assert len(short[0]) == 2 * len(kinds)


@pytest.mark.parametrize("kind", [Listener, Waited, Gathered])
@pytest.mark.parametrize("error", [ValueError("I don't like it"), NotImplementedError("I can't")])
@pytest.mark.parametrize("raise_error", [False, True])
async def test_a_listener_that_raises_does_what_it_does_the_plain_way(
    kind: type[Listener], error: Exception, raise_error: bool, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = []

    for is_short in (False, True):
        caplog.clear()
        others = [Listener()] if kind is Gathered else [Gathered(), Listener()]
        listeners = [kind(raises=error, raise_error=raise_error), *others]
        outcome = await call(listeners, is_short=is_short)
        outcomes.append((outcome, [(each.levelname, repr(error) in each.message) for each in caplog.records]))

    assert outcomes[0] == outcomes[1]
    assert outcomes[1][1]


@pytest.mark.parametrize("listeners", [[Elsewhere()], [Gathered(), Gathered()], [Gathered(), Elsewhere()]])
async def test_listeners_that_are_gathered_or_in_another_thread_are_published_the_plain_way(
    listeners: list[BaseCallbackHandler],
) -> None:
    run = run_with(Listener(), *listeners)

    assert callbacks_in_place(run) is run


def publish_texts(listeners: list[Listener], *, at_once: bool = False) -> Any:
    """Return the listeners' calls for two texts, their order, and how it ended."""
    turns: list[str] = []
    for each in listeners:
        each.turns = turns
    run = callbacks_in_place(run_with(*listeners))
    assert isinstance(run, CallbacksInPlace)
    try:
        for texts in (["one", "two"],) if at_once else (["one"], ["two"]):
            run.publish_texts(texts, "an id")
    except (ValueError, NotImplementedError) as error:
        return turns, [each.calls for each in listeners], repr(error)
    return turns, [each.calls for each in listeners], "callbacks"


async def test_a_listener_of_texts_is_published_the_text_alone_and_others_the_chunk_in_their_turn() -> None:
    turns, calls, _ = publish_texts([Reader(), Listener(), Reader(), Listener(), Reader(ignores=True)])

    assert turns == ["Reader", "Listener", "Reader", "Listener"] * 2
    texts = [(([text],), {"message_id": "an id", "run_id": uuid.UUID(int=1)}) for text in ("one", "two")]
    assert calls[0] == calls[2] == texts
    assert calls[1] == calls[3]
    assert calls[4] == []


async def test_texts_that_arrive_at_once_are_published_in_order_to_each_listener() -> None:
    _, apart, _ = publish_texts([Listener(), Reader()])

    turns, calls, _ = publish_texts([Listener(), Reader()], at_once=True)

    assert turns == ["Listener", "Listener", "Reader"]
    assert calls[0] == apart[0]
    assert [args for args, _ in calls[1]] == [(["one", "two"],)]


async def test_a_text_is_published_as_its_chunk_would_be() -> None:
    short = publish_texts([Listener(), Listener()])
    listeners, turns = [Listener(), Listener()], list[str]()
    for each in listeners:
        each.turns = turns
    for text in ("one", "two"):
        chunk = text_chunk(text)
        chunk.message.id = "an id"
        await callbacks_in_place(run_with(*listeners)).on_llm_new_token(text, chunk=chunk)

    assert short[:2] == (turns, [each.calls for each in listeners])


@pytest.mark.parametrize("error", [ValueError("I don't like it"), NotImplementedError("I can't")])
@pytest.mark.parametrize("raise_error", [False, True])
@pytest.mark.parametrize("kind", [Listener, Reader])
async def test_a_listener_that_raises_at_a_text_does_what_it_does_at_a_token(
    kind: type[Listener], error: Exception, raise_error: bool, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = []

    for is_text in (True, False):
        caplog.clear()
        listeners = [kind(raises=error, raise_error=raise_error), Reader(), Listener()]
        turns, calls, end = publish_texts(listeners) if is_text else await call(listeners, is_short=True)
        logged = [(each.levelname, repr(error) in each.message) for each in caplog.records]
        outcomes.append((len(turns), [len(each) for each in calls], end, logged))

    assert outcomes[0] == outcomes[1]
    assert outcomes[0][3]


@pytest.mark.parametrize(
    ("kinds", "are_never"),
    [([], True), ([Listener, Reader], True), ([Listener, Waited], False), ([Gathered], False)],
)
async def test_a_run_knows_whether_its_listeners_are_ever_awaited(
    kinds: list[type[Listener]], are_never: bool
) -> None:
    run = callbacks_in_place(run_with(*(kind() for kind in kinds), Waited(ignores=True)))

    assert isinstance(run, CallbacksInPlace)
    assert run.are_all_sync is are_never
