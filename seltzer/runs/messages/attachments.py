"""Attachments: what the parts of messages contain besides text, such as an image's base64.

They are as large as files, so that limits of texts don't apply to them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

LEAST_CHARS: Final = 1_024  # anything shorter counts as text
# The keys of data in parts, by LangChain, OpenAI, Anthropic, Google and Bedrock; a URL may be data, too.
_KEYS: Final = frozenset({"base64", "data", "file_data", "bytes"})
_DATA_URL: Final = "data:"
_TEXTS: Final = frozenset({"text", "input_text", "output_text"})
_CALLS: Final = frozenset({"tool_call", "tool_call_chunk", "invalid_tool_call", "function", "tool_use"})


class Attachment(NamedTuple):
    """The data of a part. path: its place in the value, dotted. chars: how long it is as it was sent."""

    path: str
    chars: int

    @property
    def size_bytes(self) -> int:
        """How large the file is."""
        return self.chars * 3 // 4  # base64


def attachments(value: Any, path: str = "") -> Iterator[Attachment]:
    """Yield the attachments in parts of messages, wherever in the JSON value these are."""
    return _found(value, path, is_in_part=False)


def _found(value: Any, path: str, *, is_in_part: bool) -> Iterator[Attachment]:
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _found(item, f"{path}.{index}", is_in_part=is_in_part)
    if not isinstance(value, Mapping):
        return
    kind = value.get("type")
    if kind in _CALLS:
        return
    is_part = is_in_part or (isinstance(kind, str) and kind not in _TEXTS)
    for key, item in value.items():
        if isinstance(item, str):
            if is_part and len(item) >= LEAST_CHARS and (key in _KEYS or item.startswith(_DATA_URL)):
                yield Attachment(f"{path}.{key}", len(item))
        else:
            yield from _found(item, f"{path}.{key}", is_in_part=is_part)
