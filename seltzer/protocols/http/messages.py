"""Messages in any of LangChain's spellings -> LangChain messages, or an error that names the field."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ToolMessage,
    convert_to_messages,
)
from langchain_core.messages.content import KNOWN_BLOCK_TYPES
from pydantic import ValidationError

from seltzer.errors import InvalidInput
from seltzer.runs.jsonable import dumps
from seltzer.runs.text import UNSTORABLE

TITLE_CHARS: Final = 80
_KNOWN: Final = frozenset({"human", "ai", "system", "tool", "AIMessageChunk", "HumanMessageChunk"})
_UNKNOWN: Final = "has an unknown role or type; known are user, assistant, system and tool"
# LangChain's own, then those of OpenAI's two APIs, Anthropic, Bedrock and Google.
_PARTS: Final = KNOWN_BLOCK_TYPES | {
    "image_url", "input_audio", "input_text", "input_image", "input_file", "document", "search_result",
    "tool_use", "tool_result", "thinking", "redacted_thinking", "container_upload", "guard_content",
    "cachePoint", "media", "image_file", "refusal", "output_text",
}  # fmt: skip
_CHUNKS: Final = {"AIMessageChunk": "ai", "HumanMessageChunk": "human", "SystemMessageChunk": "system"}
_ROLES: Final = frozenset({"user", "assistant", "developer"})


@dataclass(frozen=True, slots=True)
class InputLimits:
    """How many messages an input may have, how large each may be, how many inputs a batch may have, and how
    many steps a request may ask for.
    """

    messages: int = 256
    message_bytes: int = 262_144
    batch: int = 20
    steps: int = 1_000


def parse_input(value: Any, field: str, limits: InputLimits) -> list[BaseMessage]:
    """Return the messages of `{"messages": [..]}`, of a list of messages, or of one string.

    Raises InvalidInput naming the field.
    """
    value = prompt_text(value)
    if isinstance(value, dict):
        if "messages" not in value:
            raise InvalidInput(f"{field}.messages", "is missing")
        field, value = f"{field}.messages", value["messages"]
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise InvalidInput(field, "must be a list of messages, or a string")
    if not value:
        raise InvalidInput(field, "is empty; send at least one message")
    if len(value) > limits.messages:
        raise InvalidInput(field, f"has {len(value)} messages; at most {limits.messages}")
    messages = [_message(each, f"{field}.{index}", limits) for index, each in enumerate(value)]
    _check_tool_messages(messages, field)
    return messages


def prompt_text(value: Any) -> Any:
    """Return the text of a PromptTemplate's output as it is on the wire; any other value as it is."""
    is_prompt = (
        isinstance(value, dict) and value.get("type") == "StringPromptValue" and "messages" not in value
    )
    return value.get("text") if is_prompt else value


def title_of(messages: Sequence[BaseMessage]) -> str:
    """Return the title of a thread that begins with the messages: their first human text."""
    texts = (" ".join(str(message.text).split()) for message in messages if message.type == "human")
    return next(texts, "")[:TITLE_CHARS]


def _message(value: Any, field: str, limits: InputLimits) -> BaseMessage:
    try:
        message = convert_to_messages([_spelled(value)])[0]
    except (ValueError, TypeError, KeyError, NotImplementedError, AttributeError, ValidationError) as error:
        raise InvalidInput(field, _reason(value, error)) from None
    if message.type not in _KNOWN:
        raise InvalidInput(field, _UNKNOWN)
    _check_content(message, f"{field}.content")
    if UNSTORABLE.search(str(message.content)):  # by GET: a body was checked already
        raise InvalidInput(field, "has a NUL or a lone surrogate")
    if len(dumps(message.content)) > limits.message_bytes:
        raise InvalidInput(f"{field}.content", f"is larger than {limits.message_bytes} bytes")
    if not message.content and isinstance(value, str | list):
        raise InvalidInput(field, "is empty")
    if message.type == "human" and not message.content:
        raise InvalidInput(f"{field}.content", "is empty")
    return message


def _spelled(value: Any) -> Any:
    """Return the message in a spelling that LangChain reads.

    It doesn't read the chunks it writes, nor an empty answer, whose content the chat playground omits.
    """
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, dict):
        return value
    if value.get("role", value.get("type")) in ("assistant", "ai") and "content" not in value:
        return {**value, "content": ""}
    if value.get("type") in _CHUNKS:
        whole = {
            key: part for key, part in value.items() if key not in ("tool_call_chunks", "chunk_position")
        }
        return {**whole, "type": _CHUNKS[value["type"]]}
    return value


def _reason(value: Any, error: Exception) -> str:
    """Return what is wrong with a message that LangChain refused, without echoing it."""
    if isinstance(value, dict):
        role = value.get("role", value.get("type"))
        if role is None:
            return "has neither a role nor a type"
        if "content" not in value and not value.get("tool_calls"):
            return "has no content"
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        if isinstance(error, KeyError):
            return f"{error.args[0]} is missing"
        return "is malformed" if isinstance(role, str) and role in _KNOWN | _ROLES else _UNKNOWN
    return "must be a string, a [role, text] pair, or an object with role and content"


def _check_content(message: BaseMessage, field: str) -> None:
    """Refuse content parts that no provider accepts: their own errors are far less clear.

    An answer's parts are the provider's own, and are returned to it: only their text is checked.
    """
    if isinstance(message.content, str):
        return
    for index, part in enumerate(message.content):
        if isinstance(part, str):
            continue
        place, kind = f"{field}.{index}", part.get("type")
        if kind == "text" and not isinstance(part.get("text"), str):
            raise InvalidInput(f"{place}.text", "must be a string" if "text" in part else "is missing")
        if not isinstance(kind, str) or (message.type in ("human", "system") and kind not in _PARTS):
            raise InvalidInput(f"{place}.type", "is missing" if kind is None else "is not known")


def _check_tool_messages(messages: Sequence[BaseMessage], field: str) -> None:
    """Refuse a tool message that answers no call: the providers' own errors are far less clear."""
    called: set[str | None] = set()
    for index, message in enumerate(messages):
        if isinstance(message, AIMessage):
            called.update(call["id"] for call in message.tool_calls)
        elif isinstance(message, ToolMessage) and message.tool_call_id not in called:
            raise InvalidInput(f"{field}.{index}.tool_call_id", "no message before it makes that call")
