"""Messages in any of LangChain's spellings -> LangChain messages, or an error that names the field."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.messages import BaseMessage, convert_to_messages
from pydantic import ValidationError

from seltzer.errors import InvalidInput
from seltzer.protocols.http.bodies.message_fields import check_content, check_fields
from seltzer.runs.jsonable import dumps
from seltzer.runs.messages.attachments import attachments
from seltzer.runs.text import cut, is_storable

TITLE_CHARS: Final = 80
_KINDS: Final = {
    "image": "Image",
    "audio": "Audio",
    "video": "Video",
    "file": "File",
    "document": "File",
    "media": "File",
}
_UNKNOWN: Final = "has an unknown role or type; known are user, assistant, system and tool"
# The roles and types of messages, and the classes that LangChain serializes, by what they are.
_ROLES: Final = {
    "user": "human", "human": "human", "assistant": "ai", "ai": "ai", "system": "system",
    "developer": "system", "tool": "tool",
    "HumanMessage": "human", "HumanMessageChunk": "human", "AIMessage": "ai", "AIMessageChunk": "ai",
    "SystemMessage": "system", "SystemMessageChunk": "system",
    "ToolMessage": "tool", "ToolMessageChunk": "tool",
}  # fmt: skip
_FROM_GRAPHS: Final = frozenset({"ai", "tool"})  # a model or a tool has written them, with parts of their own
_OF_CHUNKS: Final = frozenset({"role", "type", "tool_call_chunks", "chunk_position"})


@dataclass(frozen=True, slots=True)
class InputLimits:
    """How many messages an input may have, how large each may be without its attachments, and each of these,
    how many inputs a batch may have, and how many steps a request may ask for.
    """

    messages: int = 256
    message_bytes: int = 262_144
    attachment_bytes: int = 5_242_880
    batch: int = 20
    steps: int = 1_000


def parse_input(value: Any, field: str, limits: InputLimits) -> list[BaseMessage]:
    """Return the messages of `{"messages": [..]}`, of a list of messages, or of one message or string.

    A result may be of a call that the thread has: the engine checks that. Raises InvalidInput naming the
    field.
    """
    value = prompt_text(value)
    if isinstance(value, dict) and not is_message(value):
        if "messages" not in value:
            raise InvalidInput(f"{field}.messages", "is missing")
        field, value = f"{field}.messages", value["messages"]
    if isinstance(value, str) or is_message(value):
        return [parse_message(value, field, limits)]
    if not isinstance(value, list):
        raise InvalidInput(field, "must be a list of messages, or a string")
    if not value:
        raise InvalidInput(field, "is empty; send at least one message")
    if len(value) > limits.messages:
        raise InvalidInput(field, f"has {len(value)} messages; at most {limits.messages}")
    return [parse_message(each, f"{field}.{index}", limits) for index, each in enumerate(value)]


def prompt_text(value: Any) -> Any:
    """Return the text of a PromptTemplate's output as it is on the wire; any other value as it is."""
    is_prompt = (
        isinstance(value, dict) and value.get("type") == "StringPromptValue" and "messages" not in value
    )
    return value.get("text") if is_prompt else value


def is_message(value: Any) -> bool:
    """Return whether an object is one message, rather than an input that has some."""
    return (
        isinstance(value, dict)
        and not value.keys().isdisjoint(("role", "type"))
        and not value.keys().isdisjoint(("content", "tool_calls", "kwargs"))
        and "messages" not in value
    )


def title_of(messages: Sequence[BaseMessage]) -> str:
    """Return the title of a thread that begins with the messages: their first human text.

    If they have none, what else the human has sent, such as `Image`.
    """
    sent = [message for message in messages if message.type == "human"]
    texts = (" ".join(str(message.text).split()) for message in sent)
    title = next((text for text in texts if text), "")
    return cut(title, TITLE_CHARS) or next((_kind_of(message) for message in sent if message.content), "")


def _kind_of(message: BaseMessage) -> str:
    """Return what the message's first part is, in a word."""
    part = message.content[0]
    kind = str(part.get("type", "")) if isinstance(part, dict) else ""
    return next((shown for name, shown in _KINDS.items() if name in kind), "")


def parse_message(value: Any, field: str, limits: InputLimits) -> BaseMessage:
    spelled = _spelled(value)
    message = _converted(spelled, field)
    if (role := _ROLES.get(message.type)) is None:
        raise InvalidInput(field, _UNKNOWN)
    if not isinstance(spelled, dict):
        check_content(message.content, f"{field}.1", is_answer=role in _FROM_GRAPHS)
    if isinstance(message.content, str) and not is_storable(message.content):
        raise InvalidInput(field, "has a NUL or a lone surrogate")  # by GET: a body was checked already
    _check_size(message.content, field if isinstance(value, str) else f"{field}.content", limits)
    if not message.content and isinstance(value, str | list):
        raise InvalidInput(field, "is empty")
    if role == "human" and not message.content:
        raise InvalidInput(f"{field}.content", "is empty")
    return message


def _check_size(content: Any, field: str, limits: InputLimits) -> None:
    """Raise InvalidInput if an attachment is too large, or what there is besides them."""
    found = [] if isinstance(content, str) else list(attachments(content, field))
    for each in found:
        if each.size_bytes > limits.attachment_bytes:
            raise InvalidInput(each.path, f"is an attachment larger than {limits.attachment_bytes} bytes")
    if len(dumps(content)) - sum(each.chars for each in found) > limits.message_bytes:
        besides = " without its attachments" if found else ""
        raise InvalidInput(field, f"is larger than {limits.message_bytes} bytes{besides}")


def _converted(spelled: Any, field: str) -> BaseMessage:
    """Return the message as LangChain's, its fields and parts checked if its role is known."""
    if isinstance(spelled, dict) and (role := _ROLES.get(_role(spelled))) is not None:
        check_fields(spelled, field)
        check_content(spelled.get("content"), f"{field}.content", is_answer=role in _FROM_GRAPHS)
    try:
        [message] = convert_to_messages([spelled])
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False)
        raise InvalidInput.first_of(errors, field) from None
    except KeyError as missing:  # a tool message's call
        raise InvalidInput(f"{field}.{missing.args[0]}", "is missing") from None
    except (ValueError, TypeError, NotImplementedError, AttributeError):
        raise InvalidInput(field, _reason(spelled)) from None
    return message


def _spelled(value: Any) -> Any:
    """Return the message in a spelling that LangChain reads.

    It reads neither the classes and chunks it writes, nor null for most fields, nor an empty answer, whose
    content the chat playground omits.
    """
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, dict):
        return value
    if value.get("type") == "constructor" and isinstance(value.get("kwargs"), dict):
        value = _constructed(value)
    value = {key: each for key, each in value.items() if each is not None or key == "content"}
    name = _role(value)
    if _ROLES.get(name) == "ai" and "content" not in value:
        value = {**value, "content": ""}
    if name in _ROLES and name[0].isupper():
        return {**{key: each for key, each in value.items() if key not in _OF_CHUNKS}, "type": _ROLES[name]}
    return value


def _role(value: dict[str, Any]) -> str:
    """Return a message's role or type; empty if it has none that is a text."""
    role = value.get("role", value.get("type"))
    return role if isinstance(role, str) else ""


def _constructed(value: dict[str, Any]) -> dict[str, Any]:
    """Return a message as LangChain serializes its objects, `{"lc": 1, "id": [..], "kwargs": {..}}`, as the
    plain object that it stands for; anything else as it is.
    """
    path = value.get("id")
    role = _ROLES.get(path[-1]) if isinstance(path, list) and path and isinstance(path[-1], str) else None
    return value if role is None else {**value["kwargs"], "type": role}


def _reason(value: Any) -> str:
    """Return what is wrong with a message that LangChain refused, without echoing it."""
    if isinstance(value, dict):
        if value.get("role", value.get("type")) is None:
            return "has neither a role nor a type"
        if "content" not in value and not value.get("tool_calls"):
            return "has no content"
        return "is malformed" if _role(value) in _ROLES else _UNKNOWN
    return "must be a string, a [role, text] pair, or an object with role and content"
