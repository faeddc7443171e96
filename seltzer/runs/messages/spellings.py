"""What LangGraph takes for messages, in all of its spellings, and the texts in them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, convert_to_messages

from seltzer.runs.messages.thinking import without_thinking
from seltzer.runs.text import clean

MESSAGES: Final = "messages"
_TEXT_BLOCKS: Final = ("text", "output_text")
_ASSISTANTS: Final = frozenset(
    {"assistant", "ai", "model"}
)  # as providers' packages call a ChatMessage's role


def ai_messages(update: Any) -> Iterator[AIMessage]:
    """Yield the AI messages of a node's update or of a state, in all of LangGraph's spellings."""
    for part in update if isinstance(update, list | tuple) and not is_pair(update) else [update]:
        is_message = isinstance(part, Mapping) and MESSAGES not in part and "content" in part
        for message in messages_in([part] if is_message else part):
            if (answer := as_answer(message)) is not None:
                yield answer


def as_answer(message: BaseMessage) -> AIMessage | None:
    """Return the message if a model may have written it, be it as a ChatMessage of a role of its own."""
    if isinstance(message, AIMessage):
        return message
    if isinstance(message, ChatMessage) and message.role.lower() in _ASSISTANTS:
        return AIMessage(message.content, id=message.id)
    return None


def text_of(message: BaseMessage) -> str:
    """Return a whole message's own text: its content without reasoning, tool calls and images."""
    text = raw_text_of(message)
    return text if as_answer(message) is None else without_thinking(text)


def raw_text_of(message: BaseMessage) -> str:
    """Return the text of a message or of a chunk of one, whose thinking may stand in it, too."""
    if isinstance(message.content, str):
        return clean(message.content)
    return clean(
        "".join(
            block if isinstance(block, str) else str(block.get("text", ""))
            for block in message.content
            if isinstance(block, str) or block.get("type") in _TEXT_BLOCKS
        )
    )


def messages_in(values: Any) -> Sequence[BaseMessage]:
    """Return the messages of a state, or of what a node wrote to one; of anything else, none."""
    found = values.get(MESSAGES) if isinstance(values, Mapping) else values
    found = getattr(found, "value", found)  # of an Overwrite
    if isinstance(found, BaseMessage | Mapping) or is_pair(found):
        found = [found]
    if not isinstance(found, list | tuple):
        return ()
    if all(isinstance(each, BaseMessage) for each in found):
        return found
    return [message for each in found for message in _converted(each)]


def is_pair(value: Any) -> bool:
    """Return whether it is a message as `(role, text)`."""
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(each, str) for each in value)


def read_message(value: Any) -> BaseMessage | None:
    """Return the value as the message that it is, in any of LangGraph's spellings; None if it is none."""
    if isinstance(value, BaseMessage):
        return value
    is_object = isinstance(value, Mapping) and ("role" in value or "type" in value)
    if not (is_object or is_pair(value)):
        return None
    try:
        [message] = convert_to_messages([dict(value) if is_object else value])
    except (ValueError, TypeError, KeyError, NotImplementedError, AttributeError):
        return None
    return message


def _converted(value: Any) -> Sequence[BaseMessage]:
    if isinstance(value, list):  # one of several writes of a node
        return [message for each in value for message in _converted(each)]
    message = read_message(value)
    return () if message is None else (message,)
