"""Why a run failed: an exception of the graph, its model or its tools -> a public code and a safe text.

Exception texts may contain prompts and keys: they go to the log with the run's id, never to a client.
Upstream errors are classified by shape (a status code, a class's name): no vendor's SDK is imported here.
Only an error raised by a model call is the model's: nodes and tools have HTTP clients of their own.
"""

import logging
import re
from collections.abc import Iterator
from typing import Final

from langgraph.errors import GraphRecursionError

from seltzer.errors import RunFailed

log = logging.getLogger(__name__)

MESSAGES: Final = {
    "graph_error": "The graph raised an error; the server's log has it under this run's id.",
    "step_limit": "The graph took more steps than this run allows.",
    "run_timeout": "The run took longer than the server allows.",
    "run_cancelled": "The run was cancelled.",
    "run_interrupted": "The graph asks for input, which this protocol can't provide.",
    "run_crashed": "The server was killed several times during this run; it isn't tried again.",
    "client_gone": "The server was killed while it answered; a request's run ends with its request.",
    "server_draining": "The server is shutting down.",
    "storage_failed": "The server can't store the run's events; its log has the reason.",
    "state_not_storable": "The graph's state contains something that can't be stored.",
    "graph_gone": "The run's graph isn't served any more.",
    "thread_interrupted": "The thread waits for the answer to an interrupt.",
    "upstream_auth": "The model's provider refused the server's key.",
    "upstream_rate_limited": "The model's provider is rate limiting the server.",
    "upstream_error": "The model's provider answered with an error.",
    "upstream_timeout": "The model's provider didn't answer in time.",
    "upstream_disconnected": "The connection to the model's provider broke.",
    "upstream_truncated": "The model's answer ended before it was complete.",
    "upstream_malformed": "The model's provider sent something that can't be read.",
    "context_length_exceeded": "The conversation is longer than the model allows.",
    "demo_failure": "The demo model failed in mid-answer, as it was asked to.",
    "model_not_found": "The model's provider doesn't know the model.",
}
_RETRYABLE: Final = frozenset(
    {"run_timeout", "server_draining", "storage_failed", "client_gone"}
    | {"upstream_rate_limited", "upstream_error"}
    | {"upstream_timeout", "upstream_disconnected", "upstream_truncated", "upstream_malformed"}
)
_BY_STATUS: Final = {
    401: "upstream_auth",
    403: "upstream_auth",
    404: "model_not_found",
    408: "upstream_timeout",
}
# The class or one of its bases, nearest first. LangChain and the providers' SDKs alone have these names.
_BY_SDK_CLASS: Final = {
    "StreamChunkTimeoutError": "upstream_timeout",
    "APITimeoutError": "upstream_timeout",
    "APIResponseValidationError": "upstream_malformed",
    "APIConnectionError": "upstream_disconnected",
    "APIError": "upstream_error",
}
_BY_CLIENT_CLASS: Final = {
    "TimeoutException": "upstream_timeout",
    "TimeoutError": "upstream_timeout",
    "TransportError": "upstream_disconnected",
    "ClientError": "upstream_disconnected",
    "ConnectionError": "upstream_disconnected",
    "JSONDecodeError": "upstream_malformed",
}
_CLIENTS: Final = frozenset({"openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2", "aiohttp"})
_MODEL_MODULES: Final = "langchain_core.language_models."
_MODEL_SDKS: Final = frozenset({"openai", "anthropic", "groq", "mistralai", "ollama", "cohere"})
_TOOL_MODULES: Final = ("langchain_core.tools.", "langgraph.prebuilt.tool_node")


def failure(code: str, *, retry_after_s: float | None = None) -> RunFailed:
    """Return the failure with that code and its text."""
    return RunFailed(code, MESSAGES[code], retryable=code in _RETRYABLE, retry_after_s=retry_after_s)


def classify(error: BaseException) -> RunFailed:
    """Return the failure that the error of a run means to its clients. Raises nothing."""
    try:
        return _classify(error)
    except Exception as own:
        # A class of the graph's may raise anything when it is looked at; the run must end all the same.
        log.warning("an error of %s can't be read", type(error), exc_info=own)
        return failure("graph_error")


def _classify(error: BaseException) -> RunFailed:
    if isinstance(error, RunFailed):
        return error
    if isinstance(error, GraphRecursionError):
        return failure("step_limit")
    named = getattr(error, "code", None)  # a graph may name one of our codes on its own exceptions
    if isinstance(named, str) and named in MESSAGES:
        return failure(named)
    if _is_context_overflow(error):
        return failure("context_length_exceeded")
    if not _may_be_of_model(error):
        return failure("graph_error")
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return _by_status(status, error)
    for base in type(error).__mro__:
        if code := _BY_SDK_CLASS.get(base.__name__):
            return failure(code)
        code = _BY_CLIENT_CLASS.get(base.__name__)
        if code and (_package(base.__module__) in _CLIENTS or _comes_from_client(error)):
            return failure(code)
    return failure("graph_error")


def _may_be_of_model(error: BaseException) -> bool:
    """Return whether the error was raised by a call of a model; by its class alone if it was never raised.

    A model may be called in a tool, and a tool may be called by a model's class: the inner one counts.
    """
    if any(_package(base.__module__) in _MODEL_SDKS for base in type(error).__mro__):
        return True
    if error.__traceback__ is None:
        return True
    is_of_model = False
    for module in _modules(error):
        if module.startswith(_MODEL_MODULES) or _package(module) in _MODEL_SDKS:
            is_of_model = True
        elif module.startswith(_TOOL_MODULES):
            is_of_model = False
    return is_of_model


def _is_context_overflow(error: BaseException) -> bool:
    """Return whether LangChain, in versions that do, found the context too long by the provider's text."""
    return any(base.__name__ == "ContextOverflowError" for base in type(error).__mro__)


def _package(module: str) -> str:
    return module.partition(".")[0]


def _comes_from_client(error: BaseException) -> bool:
    """Return whether an error of a kind that any code may raise was raised below an HTTP client."""
    return any(_package(module) in _CLIENTS for module in _modules(error))


def _modules(error: BaseException) -> Iterator[str]:
    """Yield the modules of the frames that the error passed through, the outermost first."""
    frame = error.__traceback__
    while frame is not None:
        yield str(frame.tb_frame.f_globals.get("__name__", ""))
        frame = frame.tb_next


def _by_status(status: int, error: BaseException) -> RunFailed:
    if status == 429:
        return failure("upstream_rate_limited", retry_after_s=_retry_after_s(error))
    if code := _BY_STATUS.get(status):
        return failure(code)
    refused = failure("upstream_error")
    refused.retryable = not 400 <= status < 500  # a request that was refused is refused again
    return refused


def _retry_after_s(error: BaseException) -> float | None:
    """Read the upstream's Retry-After where it is a number of seconds."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    value = headers.get("retry-after", "")
    return float(value) if re.fullmatch("[0-9]{1,9}", value) else None
