"""What a run's error means to its clients: real errors of the clients that graphs use."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import httpx2
import langchain_core.exceptions
import langchain_openai
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_openai import ChatOpenAI
from langgraph.errors import GraphRecursionError
from pydantic import SecretStr

from seltzer.errors import RunFailed, ThreadBusy
from seltzer.runs.failure import MESSAGES, classify, failure
from tests.replies import CONTEXT_TOO_LONG, RATE_LIMITED, SERVER_ERROR, UNAUTHORIZED, Refusal, Reply
from tests.upstream import Upstream

REQUEST = httpx2.Request("POST", "https://upstream.example/v1/chat/completions")
PROMPT = "the user's secret prompt"


def refused(status: int, *, code: str | None = None, retry_after: str = "") -> openai.APIStatusError:
    """Return what the openai SDK raises for an answer with that status."""
    headers = [(b"retry-after", retry_after.encode("latin-1"))] if retry_after else None
    error = {"message": PROMPT, "type": "x", "param": None, "code": code}
    answer = httpx2.Response(status, request=REQUEST, json={"error": error}, headers=headers)
    client = openai.OpenAI(api_key="k")
    made = client._make_status_error_from_response(answer)
    client.close()
    return made


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "upstream_error"),
        (401, "upstream_auth"),
        (403, "upstream_auth"),
        (404, "model_not_found"),
        (408, "upstream_timeout"),
        (422, "upstream_error"),
        (429, "upstream_rate_limited"),
        (500, "upstream_error"),
        (503, "upstream_error"),
    ],
)
def test_an_upstreams_status_keeps_its_meaning(status: int, code: str) -> None:
    failed = classify(refused(status))

    assert failed.code == code
    assert PROMPT not in str(failed)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("0.5", 0.5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 9999 07:28:00 GMT", None),
        ("Wed, 35 Oct 2015", None),
        ("soon", None),
        ("nan", None),
        ("-1", None),
        ("²", None),
        ("9" * 400, None),
    ],
)
def test_a_rate_limit_has_the_upstreams_retry_after(header: str, seconds: float | None) -> None:
    failed = classify(refused(429, retry_after=header))

    assert (failed.code, failed.retryable, failed.retry_after_s) == ("upstream_rate_limited", True, seconds)


def test_a_rate_limit_may_name_the_time_when_it_ends() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    seconds = classify(refused(429, retry_after=date)).retry_after_s

    assert seconds is not None
    assert 0 < seconds <= 100


@pytest.mark.parametrize(
    ("attributes", "seconds"),
    [
        ({"response": SimpleNamespace(headers={"retry-after-ms": "1500", "retry-after": "2"})}, 1.5),
        ({"response": SimpleNamespace(headers={"Retry-After": "3"})}, 3.0),
        ({"response": {"ResponseMetadata": {"HTTPHeaders": {"retry-after": "4"}}}}, 4.0),
        ({"headers": {"retry-after": "5"}}, 5.0),
        ({"details": {"error": {"details": [{"@type": "Help"}, {"retryDelay": "6.5s"}]}}}, 6.5),
        ({"details": {"error": {"details": [{"retryDelay": "soon"}]}}}, None),
        ({"details": {"error": "x"}, "response": {"ResponseMetadata": None}, "headers": 7}, None),
    ],
)
def test_a_rate_limits_wait_is_found_wherever_a_client_keeps_it(
    attributes: dict[str, Any], seconds: float | None
) -> None:
    error: Any = Exception()
    error.status_code = 429
    vars(error).update(attributes)

    assert classify(error).retry_after_s == seconds


@pytest.mark.parametrize(
    ("name", "code", "retryable"),
    [
        ("ModelAuthenticationError", "upstream_auth", False),
        ("ModelPermissionDeniedError", "upstream_auth", False),
        ("ModelNotFoundError", "model_not_found", False),
        ("ModelRateLimitError", "upstream_rate_limited", True),
        ("ModelAPIError", "upstream_error", True),
        ("ModelInvalidRequestError", "upstream_error", False),
        ("ModelConnectionError", "upstream_disconnected", True),
        ("ModelTimeoutError", "upstream_timeout", True),
        ("ContextOverflowError", "context_length_exceeded", False),
        ("ModelError", "upstream_error", False),
    ],
)
def test_langchains_own_errors_of_models_have_their_codes(name: str, code: str, retryable: bool) -> None:
    if not hasattr(langchain_core.exceptions, name):
        pytest.skip(f"this langchain_core has no {name}")
    error = getattr(langchain_core.exceptions, name)(PROMPT)
    own = type("VendorError", (type(error),), {})(PROMPT)

    for each in (error, own):
        failed = classify(each)

        assert (failed.code, failed.retryable) == (code, retryable)
        assert PROMPT not in str(failed)


@pytest.mark.parametrize(
    ("body", "code", "retryable"),
    [
        ({"type": "error", "error": {"type": "overloaded_error"}}, "upstream_error", True),
        ({"type": "error", "error": {"type": "rate_limit_error"}}, "upstream_rate_limited", True),
        ({"type": "error", "error": {"type": "authentication_error"}}, "upstream_auth", False),
        ({"type": "error", "error": {"type": "invalid_request_error"}}, "upstream_error", False),
        ({"code": "rate_limit_exceeded", "type": "tokens"}, "upstream_rate_limited", True),
        ({"code": None, "type": "server_error"}, "upstream_error", True),
        ({"code": 7}, "upstream_error", True),
    ],
)
def test_an_error_amid_a_stream_keeps_its_meaning(body: dict[str, Any], code: str, retryable: bool) -> None:
    failed = classify(openai.APIError(PROMPT, REQUEST, body=body))

    assert (failed.code, failed.retryable) == (code, retryable)


def test_a_rate_limit_without_a_response_has_no_retry_after() -> None:
    error: Any = Exception()
    error.status_code = 429

    assert classify(error).retry_after_s is None
    assert classify(refused(429)).retry_after_s is None


def test_a_conversation_that_is_too_long_is_recognised_by_its_code() -> None:
    errors = [
        refused(400, code="context_length_exceeded"),
        openai.APIError(PROMPT, REQUEST, body={"code": "context_length_exceeded"}),
    ]

    assert [classify(error).code for error in errors] == ["context_length_exceeded"] * 2
    assert not classify(errors[0]).retryable


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (openai.APITimeoutError(REQUEST), "upstream_timeout"),
        (openai.APIConnectionError(request=REQUEST), "upstream_disconnected"),
        (openai.APIError(PROMPT, REQUEST, body=None), "upstream_error"),
        (
            openai.APIResponseValidationError(httpx2.Response(200, request=REQUEST), body=None),
            "upstream_malformed",
        ),
        (httpx.RemoteProtocolError(PROMPT), "upstream_disconnected"),
        (httpx.ReadError(PROMPT), "upstream_disconnected"),
        (httpx.ReadTimeout(PROMPT), "upstream_timeout"),
        (httpx2.RemoteProtocolError(PROMPT), "upstream_disconnected"),
        (httpx2.ReadTimeout(PROMPT), "upstream_timeout"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_a_connection_error_is_recognised_by_its_class(error: Exception, code: str) -> None:
    failed = classify(error)

    assert (failed.code, failed.retryable) == (code, True)
    assert PROMPT not in str(failed)


@pytest.mark.parametrize(
    ("module", "name", "value", "code", "retryable"),
    [
        (langchain_core.exceptions, "ContextOverflowError", PROMPT, "context_length_exceeded", False),
        (langchain_openai, "StreamChunkTimeoutError", 60, "upstream_timeout", True),
    ],
)
def test_an_error_that_only_newer_langchains_have_is_recognised_by_its_class(
    module: ModuleType, name: str, value: object, code: str, retryable: bool
) -> None:
    if not hasattr(module, name):
        pytest.skip(f"this {module.__name__} has no {name}")

    failed = classify(getattr(module, name)(value))

    assert (failed.code, failed.retryable) == (code, retryable)
    assert PROMPT not in str(failed)


def raised(fail: Callable[[], Any]) -> BaseException:
    try:
        fail()
    except BaseException as error:  # noqa: BLE001  # whatever it is
        return error
    raise AssertionError("nothing was raised")


def own(name: str) -> Exception:
    """Return an error of a class of that name, of a library that is no client of a model."""
    made: Exception = type(name, (Exception,), {"__module__": "warehouse.client"})(PROMPT)
    return made


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("the warehouse is slow"),
        ConnectionResetError("the warehouse is gone"),
        ConnectionError(),
        raised(lambda: json.loads("{")),
        own("TimeoutError"),
        own("ConnectionError"),
        own("JSONDecodeError"),
        own("ClientError"),
        ValueError(PROMPT),
        ZeroDivisionError(),
        ThreadBusy("busy"),
        httpx.HTTPStatusError(PROMPT, request=httpx.Request("GET", "http://x"), response=httpx.Response(500)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_graphs_own_error_is_the_graphs(error: Exception) -> None:
    failed = classify(error)

    assert (failed.code, failed.retryable) == ("graph_error", False)
    assert PROMPT not in str(failed)


def test_too_many_steps_are_no_error_of_the_graph() -> None:
    assert classify(GraphRecursionError("50")).code == "step_limit"


def test_a_failure_stays_what_it_is() -> None:
    failed = failure("run_timeout")

    assert classify(failed) is failed


@pytest.mark.parametrize("code", MESSAGES)
def test_a_graph_may_name_one_of_our_codes(code: str) -> None:
    error: Any = ValueError(PROMPT)
    error.code = code

    assert (classify(error).code, str(classify(error))) == (code, MESSAGES[code])


@pytest.mark.parametrize("code", ["something_else", 7, None, ["graph_error"]])
def test_any_other_code_means_nothing(code: object) -> None:
    error: Any = ValueError(PROMPT)
    error.code = code

    assert classify(error).code == "graph_error"


class Hostile(Exception):
    """Raises whenever it is looked at."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_an_error_that_cant_be_looked_at_is_the_graphs() -> None:
    assert classify(Hostile()).code == "graph_error"


@given(st.integers(), st.dictionaries(st.text(), st.text()) | st.none(), st.text())
def test_odd_attributes_never_break_it(status: int, headers: dict[str, str] | None, value: str) -> None:
    error: Any = ValueError(PROMPT)
    error.status_code = status
    error.response = SimpleNamespace(headers={**headers, "retry-after": value}) if headers else object()

    assert isinstance(classify(error), RunFailed)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (UNAUTHORIZED, "upstream_auth"),
        (RATE_LIMITED, "upstream_rate_limited"),
        (SERVER_ERROR, "upstream_error"),
        (CONTEXT_TOO_LONG, "context_length_exceeded"),
        (Reply(text="one two three", breaks="reset", after=1), "upstream_disconnected"),
        (Reply(text="one two three", breaks="malformed", after=1), "upstream_malformed"),
        (Reply(text="never", breaks="silence"), "upstream_timeout"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_real_upstreams_failures_are_told_apart(
    upstream: Upstream, answer: Reply | Refusal, code: str
) -> None:
    upstream.script([answer])
    model = ChatOpenAI(
        base_url=upstream.url,
        api_key=SecretStr("k"),
        model="m",
        max_retries=0,
        timeout=0.5,
        stream_usage=False,
    )

    failed = classify(raised(lambda: list(model.stream("hi"))))

    assert failed.code == code
    assert failed.retry_after_s == (1.0 if code == "upstream_rate_limited" else None)
