"""A model's error -> one of our codes, by its status, the name of its class, or the error it names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from langchain_core import exceptions

from seltzer.runs.upstream.origin import ErrorOrigin, Traced, is_of_sdk


@dataclass(frozen=True, slots=True)
class Meaning:
    """is_final: the request was refused, and is refused again however often it is sent."""

    code: str
    is_final: bool = False


_BY_STATUS: Final = {
    401: "upstream_auth",
    403: "upstream_auth",
    404: "model_not_found",
    408: "upstream_timeout",
    429: "upstream_rate_limited",
}
_STATUSES: Final = ("status_code", "code", "status", "http_status")
# langchain-core's own, which providers' packages raise; the class or one of its bases, nearest first.
_BY_MODEL_ERROR: Final = {
    "ModelAuthenticationError": "upstream_auth",
    "ModelPermissionDeniedError": "upstream_auth",
    "ModelNotFoundError": "model_not_found",
    "ModelRateLimitError": "upstream_rate_limited",
    "ModelConnectionError": "upstream_disconnected",
    "ModelTimeoutError": "upstream_timeout",
    "ModelError": "upstream_error",
}
# LangChain and the providers' SDKs alone have these names.
_BY_SDK_CLASS: Final = {
    "StreamChunkTimeoutError": "upstream_timeout",
    "APITimeoutError": "upstream_timeout",
    "APIResponseValidationError": "upstream_malformed",
    "APIConnectionError": "upstream_disconnected",
    "APIError": "upstream_error",
    "ResponseError": "upstream_error",
    "EventStreamError": "upstream_error",
}
# What openai's parser of answers in a form raises of one that was ended early.
_BY_PARSER_CLASS: Final = {
    "LengthFinishReasonError": Meaning("upstream_truncated"),
    "ContentFilterFinishReasonError": Meaning("upstream_error", is_final=True),
}
_PARSER: Final = "openai.lib."
_AT_THE_END: Final = "get_final_completion"  # it parses what has had no finish reason until then
_BY_CLIENT_CLASS: Final = {
    "TimeoutException": "upstream_timeout",
    "TimeoutError": "upstream_timeout",
    "Timeout": "upstream_timeout",
    "ReadTimeoutError": "upstream_timeout",
    "ConnectTimeoutError": "upstream_timeout",
    "DecodingError": "upstream_malformed",
    "JSONDecodeError": "upstream_malformed",
    "UnicodeDecodeError": "upstream_malformed",
    "ParserError": "upstream_malformed",
    "ResponseParserError": "upstream_malformed",
    "TransportError": "upstream_disconnected",
    "ClientError": "upstream_disconnected",
    "HTTPClientError": "upstream_disconnected",
    "RequestException": "upstream_disconnected",
    "ProtocolError": "upstream_disconnected",
    "IncompleteRead": "upstream_disconnected",
    "IncompleteReadError": "upstream_disconnected",
    "ConnectionError": "upstream_disconnected",
    "gaierror": "upstream_disconnected",
    "SSLError": "upstream_disconnected",
}
_CLIENTS: Final = frozenset({"openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2", "aiohttp"})
# What providers name in an error amid a stream, whose status is 200. Without case, "_" and "exception".
_BY_NAME: Final = {
    "accessdenied": "upstream_auth",
    "authenticationerror": "upstream_auth",
    "permissionerror": "upstream_auth",
    "contextlengthexceeded": "context_length_exceeded",
    "modelnotfound": "model_not_found",
    "notfounderror": "model_not_found",
    "resourcenotfound": "model_not_found",
    "ratelimiterror": "upstream_rate_limited",
    "ratelimitexceeded": "upstream_rate_limited",
    "insufficientquota": "upstream_rate_limited",
    "throttling": "upstream_rate_limited",
    "timeouterror": "upstream_timeout",
    "modeltimeout": "upstream_timeout",
}
_REFUSALS: Final = frozenset({"invalidrequesterror", "invalidprompt", "validation"})
_NAMED: Final = re.compile(r"^(?:Received AWS exception )?(\w+):|\bcode='(\w+)'")
_READING: Final = ("chunk", "stream", "result")  # in the names of functions that read what a provider sent
_MISREAD: Final = (KeyError, IndexError, TypeError, AttributeError, RecursionError)


def meaning(traced: Traced) -> Meaning | None:
    """Return what the error means; None if it isn't a model's, or nothing that is recognized."""
    error = traced.error
    if any(base.__name__ == "ContextOverflowError" for base in type(error).__mro__):
        return Meaning("context_length_exceeded")
    if traced.origin is ErrorOrigin.ELSEWHERE:
        return None
    status = _status(error, is_raised=traced.origin is ErrorOrigin.MODEL)
    if status is not None:
        return _by_status(status)
    return _by_model_error(error) or _by_named_error(error) or _by_reading(traced) or _by_class(traced)


def _status(error: BaseException, *, is_raised: bool) -> int | None:
    """Return the HTTP status of the response that the error stands for; None if it names none.

    Of an error that was never raised, only the attribute counts that has no other meaning.
    """
    response = getattr(error, "response", None)
    found: list[Any] = [getattr(error, name, None) for name in _STATUSES[: None if is_raised else 1]]
    if is_raised:
        found.append(getattr(response, "status_code", None))
        metadata = response.get("ResponseMetadata") if isinstance(response, Mapping) else None
        found.append(metadata.get("HTTPStatusCode") if isinstance(metadata, Mapping) else None)
    return next((int(each) for each in found if isinstance(each, int) and 400 <= each < 600), None)


def _by_status(status: int) -> Meaning:
    code = _BY_STATUS.get(status, "upstream_error")
    return Meaning(code, is_final=code == "upstream_error" and status < 500)


def _by_model_error(error: BaseException) -> Meaning | None:
    if not isinstance(error, getattr(exceptions, "ModelError", ())):
        return None
    codes = (_BY_MODEL_ERROR.get(base.__name__) for base in type(error).__mro__)
    code = next(each for each in codes if each)
    is_final = code == "upstream_error" and not getattr(error, "is_retryable", False)
    return Meaning(code, is_final)


def _by_named_error(error: BaseException) -> Meaning | None:
    """Read the error that stood in a stream: an SDK keeps it as the body, or as botocore's response."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    response = getattr(error, "response", None)
    if inner is None and isinstance(response, Mapping):
        inner = response.get("Error")
    if not isinstance(inner, Mapping):
        return None
    names = (inner.get(key) for key in ("code", "type", "Code"))
    return next((found for name in names if isinstance(name, str) and (found := _named(name))), None)


def _named(name: str) -> Meaning | None:
    plain = name.lower().replace("_", "").removesuffix("exception")
    if code := _BY_NAME.get(plain):
        return Meaning(code)
    return Meaning("upstream_error", is_final=True) if plain in _REFUSALS else None


def _by_class(traced: Traced) -> Meaning | None:
    for base in type(traced.error).__mro__:
        if parsed := _BY_PARSER_CLASS.get(base.__name__):
            return parsed
        if code := _BY_SDK_CLASS.get(base.__name__):
            return Meaning(code)
        code = _BY_CLIENT_CLASS.get(base.__name__)
        if code and (traced.origin is ErrorOrigin.MODEL or base.__module__.partition(".")[0] in _CLIENTS):
            return Meaning(code)
    return None


def _by_parsing(traced: Traced) -> Meaning | None:
    """Recognize what an SDK raises as it parses an answer in the form that was asked for."""
    if any(each.function == _AT_THE_END for each in traced.frames):
        return Meaning("upstream_truncated")
    is_misread = isinstance(traced.error, (ValueError, *_MISREAD))
    return Meaning("upstream_malformed") if is_misread else None


def _by_reading(traced: Traced) -> Meaning | None:
    """Recognize what a provider's package raises as it reads an answer: its own words, or a slip."""
    error, (module, function) = traced.error, traced.raised_in
    if traced.origin is not ErrorOrigin.MODEL:
        return None
    if module.startswith("langchain_core.language_models") and str(error).startswith("No generation"):
        return Meaning("upstream_truncated")  # a stream without a single chunk
    if (type(error).__name__ == "ValidationError" and is_of_sdk(module)) or module.startswith(_PARSER):
        return _by_parsing(traced)
    is_packages = module.startswith("langchain_") and not module.startswith("langchain_core.")
    if not (is_packages and any(word in function for word in _READING)):
        return None
    if isinstance(error, _MISREAD):
        return Meaning("upstream_malformed")
    if isinstance(error, ConnectionError) and error.__context__ is None:
        return Meaning("upstream_truncated")  # it has looked for the stream's end by itself
    if not isinstance(error, ValueError) or _by_class(traced):
        return None
    found = _NAMED.search(str(error))
    return (found and _named(found[1] or found[2])) or Meaning("upstream_error")
