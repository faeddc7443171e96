"""Error code -> status, and what happens to the errors nobody expected."""

import http.client
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, field_validator
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from seltzer.errors import AppError, DataInUse, InvalidInput, LoadError, RunFailed, ThreadBusy
from seltzer.guards import faults
from seltzer.runs.failure import MESSAGES, failure
from tests.serving import Served, serving

SECRET = "sk-secret-key"


def kinds(parent: type[AppError]) -> Iterator[type[AppError]]:
    yield parent
    for kind in parent.__subclasses__():
        yield from kinds(kind)


# Where these are raised, there is no server yet to answer.
@pytest.mark.parametrize("kind", [kind for kind in kinds(AppError) if kind not in (LoadError, DataInUse)])
def test_every_error_of_the_tree_has_a_status(kind: type[AppError]) -> None:
    assert kind.code in faults.STATUS


@pytest.mark.parametrize("code", MESSAGES)
def test_every_failure_of_a_run_has_a_status(code: str) -> None:
    assert 400 <= faults.STATUS[code] < 600
    assert faults.status_of(failure(code)) == faults.STATUS[code]


def test_a_code_without_a_status_is_the_servers_fault() -> None:
    assert faults.status_of(RunFailed("unheard_of", "?")) == 500


@pytest.mark.parametrize(("seconds", "header"), [(7.0, "7"), (0.2, "1"), (None, None)])
def test_a_rate_limit_has_a_retry_after(seconds: float | None, header: str | None) -> None:
    response = faults.problem(failure("upstream_rate_limited", retry_after_s=seconds), {"type": "http"})

    assert (response.status_code, response.headers.get("retry-after")) == (429, header)


def test_a_problem_has_all_fields() -> None:
    response = faults.problem(
        ThreadBusy("run 'r' is writing"), {"type": "http", "state": {"seltzer_request_id": "q"}}
    )

    assert response.headers["content-type"] == "application/problem+json"
    assert json.loads(bytes(response.body)) == {
        "type": "urn:seltzer:error:thread_busy",
        "title": "Conflict",
        "status": 409,
        "detail": "run 'r' is writing",
        "message": "run 'r' is writing",
        "code": "thread_busy",
        "request_id": "q",
    }


@pytest.mark.parametrize(
    ("errors", "named"),
    [
        ([], ("body", "the body is invalid")),
        (["just text"], ("body", "just text")),
        (
            [{"type": "missing", "loc": ("input", "messages", 0), "msg": "Field required"}],
            ("input.messages.0", "is missing"),
        ),
        ([{"loc": ("root", "function-before[f()]", "a"), "msg": "Value error, no"}], ("a", "no")),
        ([{"loc": (), "msg": "no"}], ("body", "no")),
    ],
)
def test_of_many_faults_the_first_is_named(errors: list[Any], named: tuple[str, str]) -> None:
    error = InvalidInput.first_of(errors)

    assert (error.field, error.reason) == named


def test_a_fault_is_named_within_its_field() -> None:
    errors = [{"type": "int_type", "loc": ("a", 0), "msg": "Input should be a valid integer"}]

    assert str(InvalidInput.first_of(errors, "input")) == "input.a.0: must be a valid integer"


def test_an_unknown_tag_is_not_echoed() -> None:
    errors = [{"type": "union_tag_invalid", "loc": (), "msg": "Input tag 'secret' found using .."}]

    assert str(InvalidInput.first_of(errors)) == "body: is of an unknown kind"


class Question(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def small(cls, number: int) -> int:
        if number > 9:
            raise ValueError("is too large")
        return number


def _app() -> FastAPI:
    app = FastAPI(openapi_url=None)
    faults.mount(app)

    @app.get("/fine")
    async def fine() -> str:
        return "fine"

    @app.get("/raises/{name}")
    async def raises(name: str) -> None:
        raise {
            "unexpected": ZeroDivisionError(SECRET),
            "input": InvalidInput("a.b", "is odd"),
            "teapot": HTTPException(418, "short and stout"),
            "bad": HTTPException(502, "no gateway"),
        }[name]

    @app.post("/asks")
    async def asks(question: Question) -> None: ...

    @app.get("/breaks")
    async def breaks() -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"begun"
            raise ZeroDivisionError(SECRET)

        return StreamingResponse(body())

    app.add_middleware(faults.Boundary)
    return app


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(_app()) as running:
        yield running


@pytest.fixture
def connection(served: Served) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection(*served.address, timeout=10)
    yield opened
    opened.close()


def get(connection: http.client.HTTPConnection, path: str) -> tuple[int, Any]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_an_unexpected_error_is_a_problem_without_its_text_and_the_connection_stays_usable(
    connection: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.request("GET", "/raises/unexpected")
    response = connection.getresponse()
    text = response.read().decode()
    used = connection.sock
    after = get(connection, "/fine")

    assert (response.status, json.loads(text)["code"]) == (500, "internal_error")
    assert SECRET not in text
    assert "Traceback" not in text
    assert json.loads(text)["request_id"] == response.headers["x-request-id"]
    assert after == (200, "fine")
    assert connection.sock is used
    record = next(each for each in caplog.records if each.name == "seltzer.guards.faults")
    assert (record.levelno, record.exc_info and record.exc_info[0]) == (logging.ERROR, ZeroDivisionError)
    assert response.headers["x-request-id"] in record.getMessage()


def test_an_answer_that_breaks_off_does_not_look_complete(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/breaks")
    response = connection.getresponse()

    with pytest.raises(http.client.IncompleteRead) as broken:
        response.read()

    assert broken.value.partial == b"begun"
    connection.close()
    assert get(connection, "/fine") == (200, "fine")


@pytest.mark.parametrize(
    ("path", "status", "code", "detail"),
    [
        ("/raises/input", 422, "invalid_input", "a.b: is odd"),
        ("/raises/teapot", 418, "bad_request", "short and stout"),
        ("/raises/bad", 502, "internal_error", "no gateway"),
        ("/nowhere", 404, "not_found", "there is nothing at '/nowhere'"),
        ("/asks", 405, "method_not_allowed", "Method Not Allowed"),
    ],
)
def test_an_expected_error_is_a_problem(
    connection: http.client.HTTPConnection, path: str, status: int, code: str, detail: str
) -> None:
    answered, body = get(connection, path)

    assert (answered, body["status"], body["code"], body["detail"]) == (status, status, code, detail)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ('{"number": "my secret"}', "body.number: must be a valid integer"),
        ('{"number": 10}', "body.number: is too large"),
        ("{}", "body.number: is missing"),
    ],
)
def test_a_body_of_another_shape_is_refused_without_being_echoed(
    connection: http.client.HTTPConnection, body: str, detail: str
) -> None:
    connection.request("POST", "/asks", body, {"content-type": "application/json"})
    response = connection.getresponse()
    problem = json.loads(response.read())

    assert (response.status, problem["code"]) == (422, "invalid_input")
    assert problem["detail"].startswith(detail)
    assert "secret" not in json.dumps(problem)


def test_each_request_has_an_id_of_its_own(connection: http.client.HTTPConnection) -> None:
    ids = set()
    for path in ("/fine", "/fine", "/nowhere"):
        connection.request("GET", path, headers={"x-request-id": "not-yours"})
        response = connection.getresponse()
        response.read()
        ids.add(response.headers["x-request-id"])

    assert len(ids - {"not-yours"}) == 3
