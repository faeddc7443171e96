"""A conversation as the text a completion model continues, and back."""

import re
from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

STOP = "\nHuman:"  # where the model would begin to write for the user
_SPEAKERS = {"human": "Human", "ai": "AI", "system": "System", "tool": "Tool"}
_TURN = re.compile(r"^(Human|AI|System|Tool): ?", re.MULTILINE)


def as_prompt(messages: Sequence[BaseMessage]) -> str:
    """Write one question as it is, and a longer conversation as "Human: ..", "AI: ..", ending with "AI:"."""
    if len(messages) == 1 and isinstance(messages[0], HumanMessage):
        return messages[0].text
    turns = [f"{_SPEAKERS.get(m.type, 'Human')}: {m.text}" for m in messages]
    return "\n".join([*turns, "AI:"])


def as_messages(prompt: str) -> list[BaseMessage]:
    """Read a prompt that as_prompt wrote; any other text is one human message."""
    if not _TURN.match(prompt):
        return [HumanMessage(prompt)]
    speakers = {"Human": HumanMessage, "AI": AIMessage, "System": SystemMessage, "Tool": SystemMessage}
    _, *turns = _TURN.split(prompt)
    pairs = zip(turns[::2], turns[1::2], strict=True)
    stripped = [(speaker, text.removesuffix("\n")) for speaker, text in pairs]
    return [speakers[speaker](text) for speaker, text in stripped if text]
