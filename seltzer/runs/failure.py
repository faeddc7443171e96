"""Why a run failed: an exception of the graph, its model or its tools -> a public code and a safe text.

Exception texts may contain prompts and keys: they go to the log with the run's id, never to a client.
What the errors of models mean is in upstream/; those of tools and nodes are the graph's own.
"""

import logging
from collections.abc import Sequence
from typing import Final

from langgraph import errors
from langgraph.errors import GraphRecursionError

from seltzer.errors import RunFailed
from seltzer.runs.upstream.meaning import meaning
from seltzer.runs.upstream.origin import ErrorOrigin, Traced, chain
from seltzer.runs.upstream.retry_after import retry_after_s

log = logging.getLogger(__name__)

GRAPH_CHANGED: Final = "graph_changed"
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
    GRAPH_CHANGED: "The graph has been changed since the thread's last step:",
    "node_timeout": "A node of the graph took longer than its own timeout allows.",
    "unknown_checkpoint": "The state that the run was to begin from isn't kept any more.",
    "unknown_tool_call": "The input has the result of a tool call that the thread doesn't wait for.",
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
    {"run_timeout", "node_timeout", "server_draining", "storage_failed", "client_gone"}
    | {"upstream_rate_limited", "upstream_error"}
    | {"upstream_timeout", "upstream_disconnected", "upstream_truncated", "upstream_malformed"}
)


# Since langgraph 1.2: what a node raises that takes longer than add_node(.., timeout=..) allows.
_NODE_TIMEOUT: Final[tuple[type[BaseException], ...]] = tuple(
    filter(None, [getattr(errors, "NodeTimeoutError", None)])
)


def failure(code: str, *, retry_after_s: float | None = None, about: str = "") -> RunFailed:
    """Return the failure with that code and its text. about: what is added to the text."""
    text = f"{MESSAGES[code]} {about}" if about else MESSAGES[code]
    return RunFailed(code, text, retryable=code in _RETRYABLE, retry_after_s=retry_after_s)


def classify(error: BaseException) -> RunFailed:
    """Return the failure that the error of a run means to its clients. Raises nothing."""
    try:
        return _classify(error)
    except Exception as own:
        # A class of the graph's may raise anything when it is looked at; the run must end all the same.
        log.warning("an error of %s can't be read", type(error), exc_info=own)
        return failure("graph_error")


def _classify(error: BaseException) -> RunFailed:
    if isinstance(error, BaseExceptionGroup):
        return _of_all([classify(each) for each in error.exceptions])
    if isinstance(error, GraphRecursionError):
        return failure("step_limit")
    if isinstance(error, _NODE_TIMEOUT):
        return failure("node_timeout")
    for traced in chain(error):
        is_certain = traced.error is error or traced.origin is ErrorOrigin.MODEL
        found = (is_certain and _named(traced.error)) or _upstream(traced)
        if found:
            return found
    return failure("graph_error")


def _named(error: BaseException) -> RunFailed | None:
    """Return the failure that an exception names itself: a graph may have one of our codes on its own."""
    if isinstance(error, RunFailed):
        return error
    code = getattr(error, "code", None)
    return failure(code) if isinstance(code, str) and code in MESSAGES else None


def _upstream(traced: Traced) -> RunFailed | None:
    found = meaning(traced)
    if found is None:
        return None
    wait_s = retry_after_s(traced.error) if found.code == "upstream_rate_limited" else None
    failed = failure(found.code, retry_after_s=wait_s)
    failed.retryable = failed.retryable and not found.is_final
    return failed


def _of_all(failures: Sequence[RunFailed]) -> RunFailed:
    """Return what parallel tasks have failed of; it is the graph's own if they don't agree."""
    is_one = len({each.code for each in failures}) == 1
    return failures[0] if is_one else failure("graph_error")
