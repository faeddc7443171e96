"""The fields of a message on the wire: those that LangChain knows have the JSON type it gives them.

LangChain checks some of them only, and reads numbers, objects and null as text or as nothing. Fields that it
doesn't know are a provider's own, and are kept as they are.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from seltzer.errors import InvalidInput
from seltzer.protocols.http.bodies.message_parts import check_parts

_CONTENT: Final = "must be a string or a list of parts"
_Fields = TypeVar("_Fields", bound="_Known")


class _Known(BaseModel):
    """The known fields of an object; null is one that is left out."""

    model_config = ConfigDict(strict=True, extra="ignore")

    @classmethod
    def check(cls: type[_Fields], value: Any, place: str) -> _Fields:
        """Return the known fields of a JSON value. Raises InvalidInput naming the first wrong one."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise InvalidInput.first_of(error.errors(include_input=False, include_url=False), place) from None


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Count: TypeAlias = Annotated[int | None, BeforeValidator(_whole)]  # 1.0 is 1, as in JavaScript


class _TokenDetails(_Known):
    audio: _Count = None
    cache_creation: _Count = None
    cache_read: _Count = None
    reasoning: _Count = None


class _Usage(_Known):
    input_tokens: _Count = None
    output_tokens: _Count = None
    total_tokens: _Count = None
    input_token_details: _TokenDetails | None = None
    output_token_details: _TokenDetails | None = None


class _Call(_Known):
    """A tool call as LangChain writes it."""

    name: str
    args: dict[str, Any]
    id: str | None = None


class _InvalidCall(_Known):
    name: str | None = None
    args: str | None = None
    id: str | None = None
    error: str | None = None


class _Function(_Known):
    name: str
    arguments: Any


class _FunctionCall(_Known):
    """A tool call as OpenAI writes it."""

    id: str
    function: _Function


class _KeptFunction(_Known):
    name: str | None = None
    arguments: Any = None


class _KeptCall(_Known):
    """A tool call as a provider has sent it."""

    id: str | None = None
    function: _KeptFunction | None = None


class _Additional(_Known):
    """What providers' packages read of OpenAI's fields, as LangChain has kept them."""

    tool_calls: list[_KeptCall] | None = None
    function_call: _KeptFunction | None = None


class _Message(_Known):
    id: str | None = None
    name: str | None = None
    example: bool | None = None
    additional_kwargs: _Additional | None = None
    response_metadata: dict[str, Any] | None = None
    tool_call_id: str | None = None
    status: Literal["success", "error"] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    invalid_tool_calls: list[_InvalidCall] | None = None
    usage_metadata: _Usage | None = None


def check_fields(value: Mapping[str, Any], place: str) -> None:
    """Raise InvalidInput for the first known field of a message that has a wrong type."""
    message = _Message.check(value, place)
    for index, call in enumerate(message.tool_calls or ()):
        inner = f"{place}.tool_calls.{index}"
        if "function" in call:
            _check_arguments(_FunctionCall.check(call, inner).function, f"{inner}.function.arguments")
        else:
            _Call.check(call, inner)


def _check_arguments(function: _Function, place: str) -> None:
    """Raise InvalidInput unless the arguments are a JSON object, be it as a string."""
    try:
        given = function.arguments
        is_object = isinstance(json.loads(given, strict=False) if isinstance(given, str) else given, dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise InvalidInput(place, "must be a JSON object, written as a string")


def check_content(content: Any, place: str, *, is_answer: bool) -> None:
    """Raise InvalidInput if it isn't what a message may contain; null counts as empty.

    is_answer: a model or a tool has written it, for a provider to read again.
    """
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list | tuple):
        raise InvalidInput(place, _CONTENT)
    check_parts(content, place, is_answer=is_answer)
