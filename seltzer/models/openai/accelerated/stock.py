"""ChatOpenAIs of people's own: their calls within a run are read and published as our own model's are.

Three methods of ChatOpenAI get another one in front, which decides for each call by the rules of StockCalls.
Where a rule isn't met, and for every subclass, which inherits them, the call goes to the method behind
(docs/decisions/0011).
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing
from copy import copy
from functools import wraps
from typing import Any, Final

from langchain_core.runnables.config import ensure_config
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, OpenAI

from seltzer.models.openai.accelerated.chat_model import AcceleratedChatOpenAI
from seltzer.models.openai.accelerated.http.untouched import (
    BLOCKING_REQUESTS,
    are_unchanged,
)
from seltzer.models.openai.accelerated.stock_clients import StockClients
from seltzer.models.openai.requirements import default_http_client

Call = Callable[..., Any]

OPT_OUT: Final = "seltzer_accelerate"  # in a model's metadata; False leaves its calls as they are
_HTTP_FIELDS: Final = ("http_client", "http_async_client", "http_socket_options", "openai_proxy")


class StockCalls:
    """Decides which calls of ChatOpenAIs are accelerated, and makes those; none once is_on is False."""

    def __init__(self) -> None:
        self.is_on = True
        self._clients = StockClients()
        self._default_http_client = default_http_client()

    def accelerated(
        self, model: ChatOpenAI, handlers: Iterable[Any], options: dict[str, Any]
    ) -> AcceleratedChatOpenAI | None:
        """Return the model for one call, with its settings as they are now; None if it is left to LangChain.

        It does unless the handlers show that a run of ours calls, the model's HTTP client is the one that
        ChatOpenAI makes by itself, and what is asked for is a stream of chat completions.
        """
        if not (self._is_wanted(model, handlers) and self._has_its_own_client(model)):
            return None
        twin = _twin(model)
        return twin if twin.can_accelerate(options) else None

    def accelerated_blocking(
        self, model: ChatOpenAI, handlers: Iterable[Any], options: dict[str, Any]
    ) -> AcceleratedChatOpenAI | None:
        """Return the same for a call that blocks its thread. It is made by the model's own HTTP client."""
        if not (self._is_wanted(model, handlers) and _has_blocking_client(model)):
            return None
        twin = _twin(model)
        return twin if twin.can_accelerate_blocking(options) else None

    async def generate(self, model: AcceleratedChatOpenAI, call: Call, /, *args: Any, **options: Any) -> Any:
        """Call the model's method, and return what it does."""
        await self._connect(model)
        return await call(*args, **options)

    async def stream(
        self, model: AcceleratedChatOpenAI, call: Call, /, *args: Any, **options: Any
    ) -> AsyncIterator[Any]:
        """Call the model's method, and yield what it does."""
        await self._connect(model)
        async with aclosing(call(*args, **options)) as chunks:
            async for chunk in chunks:
                yield chunk

    def stream_blocking(
        self, _model: AcceleratedChatOpenAI, call: Call, /, *args: Any, **options: Any
    ) -> Iterator[Any]:
        """Call the model's method, and return what it does."""
        chunks: Iterator[Any] = call(*args, **options)
        return chunks

    async def _connect(self, model: AcceleratedChatOpenAI) -> None:
        """Have the model's streams arrive by connections of our own; whole answers come by its own."""
        is_bounded = model.max_retries is None
        model.http_async_client = await self._clients.http_client(is_bounded=is_bounded)
        model.root_async_client = self._clients.copy_of(model, model.http_async_client)

    def _is_wanted(self, model: ChatOpenAI, handlers: Iterable[Any]) -> bool:
        is_left_out = (model.metadata or {}).get(OPT_OUT) is False
        return self.is_on and not is_left_out and _are_of_a_run(handlers)

    def _has_its_own_client(self, model: ChatOpenAI) -> bool:
        client = model.root_async_client
        return (
            type(client) is AsyncOpenAI
            and type(getattr(client, "_client", None)) is self._default_http_client
            and not any(getattr(model, name, None) is not None for name in _HTTP_FIELDS)
            and are_unchanged(client, model.async_client)
        )


def _twin(model: ChatOpenAI) -> AcceleratedChatOpenAI:
    twin: Any = copy(model)
    object.__setattr__(twin, "__class__", AcceleratedChatOpenAI)
    # The user's own timeout counts, or that of the opening; half a call fails as without us.
    vars(twin).update(first_chunk_timeout=None, seals_calls=False)
    accelerated: AcceleratedChatOpenAI = twin
    return accelerated


def _has_blocking_client(model: ChatOpenAI) -> bool:
    client = model.root_client
    return type(client) is OpenAI and are_unchanged(client, model.client, BLOCKING_REQUESTS)


def install() -> Callable[[], None]:
    """Put the methods in front of ChatOpenAI's, and return what removes them."""
    calls = StockCalls()
    restore = (
        _put_in_front("_agenerate_with_cache", calls.accelerated, calls.generate, _handlers_of_the_call),
        _put_in_front("_astream", calls.accelerated, calls.stream, _handlers_of_the_context),
        _put_in_front("_stream", calls.accelerated_blocking, calls.stream_blocking, _handlers_of_the_context),
    )

    def remove() -> None:
        calls.is_on = False
        for each in restore:
            each()

    return remove


def _put_in_front(
    name: str,
    accelerated: Callable[[ChatOpenAI, Iterable[Any], dict[str, Any]], AcceleratedChatOpenAI | None],
    make: Call,
    handlers_of: Callable[[dict[str, Any]], Iterable[Any]],
) -> Callable[[], None]:
    """Put a method in front of the one of this name, and return what undoes that."""
    own = vars(ChatOpenAI).get(name)

    @wraps(getattr(ChatOpenAI, name))
    def front(self: ChatOpenAI, /, *args: Any, **options: Any) -> Any:
        if type(self) is ChatOpenAI:
            model = accelerated(self, handlers_of(options), options)
            if model is not None:
                return make(model, getattr(model, name), *args, **options)
        behind = getattr(super(ChatOpenAI, self), name) if own is None else own.__get__(self)
        return behind(*args, **options)

    def undo() -> None:
        if vars(ChatOpenAI).get(name) is not front:  # somebody else's is in front of it, and may call it
            return
        if own is None:
            delattr(ChatOpenAI, name)
        else:
            setattr(ChatOpenAI, name, own)

    setattr(ChatOpenAI, name, front)
    return undo


def _handlers_of_the_call(options: dict[str, Any]) -> Iterable[Any]:
    return getattr(options.get("run_manager"), "handlers", ())


def _handlers_of_the_context(_options: dict[str, Any]) -> Iterable[Any]:
    """Return the handlers of the node or tool that runs here; a stream isn't given its own."""
    callbacks: Any = ensure_config().get("callbacks")
    return getattr(callbacks, "handlers", callbacks) or ()


def _are_of_a_run(handlers: Iterable[Any]) -> bool:
    """Return whether one of them is a run's of ours: no other takes texts alone."""
    return any(hasattr(each, "on_llm_texts") for each in handlers)
