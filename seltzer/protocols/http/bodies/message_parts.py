"""The parts of a message's content, in the shapes of LangChain and of the providers it has packages for.

A provider's own error for a part that it can't read is far less clear, and comes after the turn has begun.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from langchain_core.messages.content import KNOWN_BLOCK_TYPES

from seltzer.errors import InvalidInput

_Kinds: TypeAlias = tuple[type, ...]

_TEXT: Final[_Kinds] = (str,)
_OBJECT: Final[_Kinds] = (dict,)
_LIST: Final[_Kinds] = (list,)
_NAMES: Final[Mapping[type, str]] = {
    str: "a string", dict: "an object", list: "a list", int: "an integer", bool: "true or false"
}  # fmt: skip
# LangChain's own, then those of OpenAI's two APIs, Anthropic, Bedrock, Google, Mistral, and vLLM and Qwen.
_TYPES: Final = KNOWN_BLOCK_TYPES | {
    "image_url", "input_audio", "input_text", "input_image", "input_file", "document", "search_result",
    "tool_use", "tool_result", "thinking", "redacted_thinking", "container_upload", "guard_content",
    "cachePoint", "media", "image_file", "refusal", "output_text",
    "document_url", "video_url", "audio_url", "image_embeds", "audio_embeds",
}  # fmt: skip
# The keys whose JSON type is the same wherever they are used.
_KEYS: Final[Mapping[str, _Kinds]] = {
    "id": _TEXT, "index": (int, str), "text": _TEXT, "title": _TEXT, "name": _TEXT, "refusal": _TEXT,
    "url": _TEXT, "base64": _TEXT, "data": _TEXT, "file_id": _TEXT, "file_uri": _TEXT, "file_url": _TEXT,
    "file_data": _TEXT, "filename": _TEXT, "mime_type": _TEXT, "media_type": _TEXT, "source_type": _TEXT,
    "detail": _TEXT, "signature": _TEXT, "tool_use_id": _TEXT, "tool_call_id": _TEXT,
    "image_url": (str, dict), "video_url": (str, dict), "audio_url": (str, dict), "document_url": _TEXT,
    "document_name": _TEXT, "input_audio": _OBJECT, "file": _OBJECT, "image_file": _OBJECT,
    "source": (str, dict), "input": (str, dict), "content": (str, list), "reasoning": (str, dict),
    "thinking": (str, list), "reasoning_content": (str, dict), "summary": (str, list), "value": (str, dict),
    "annotations": _LIST, "is_error": (bool,), "cache_control": _OBJECT, "extras": _OBJECT,
    "metadata": _OBJECT, "cachePoint": _OBJECT,
}  # fmt: skip
# What stands in an object under one of these keys.
_INNER: Final[Mapping[str, tuple[str, ...]]] = {
    "image_url": ("url",),
    "video_url": ("url",),
    "audio_url": ("url",),
    "input_audio": ("data",),
    "file": (),
    "image_file": ("file_id",),
    "source": (),
}
_INNER_KEYS: Final = frozenset(
    {"url", "data", "detail", "file_id", "file_data", "filename", "media_type", "content"}
)
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text",), "input_text": ("text",), "image_url": ("image_url",), "input_audio": ("input_audio",),
    "image_file": ("image_file",), "tool_use": ("name", "input"), "tool_result": ("tool_use_id",),
    "container_upload": ("file_id",), "video_url": ("video_url",), "audio_url": ("audio_url",),
    "document_url": ("document_url",), "search_result": ("source", "content"), "non_standard": ("value",),
}  # fmt: skip
_MEDIA: Final = frozenset(
    {"image", "audio", "video", "file", "media", "document", "input_image", "input_file"}
)
_LABELS: Final = frozenset({"type", "id", "index", "mime_type", "detail", "title", "extras", "cache_control"})


def check_parts(parts: Sequence[Any], place: str, *, is_answer: bool) -> None:
    """Raise InvalidInput naming the first part, or field of one, that can't be read.

    is_answer: a model or a tool has written them, of types of their own; some of a model's are half.
    """
    for index, part in enumerate(parts):
        if not isinstance(part, str):
            _check_part(part, f"{place}.{index}", is_answer=is_answer)


def _check_part(part: Any, place: str, *, is_answer: bool) -> None:
    if not isinstance(part, dict):
        raise InvalidInput(place, "must be a string or an object with a type")
    kind = part.get("type")
    if kind is None and isinstance(part.get("cachePoint"), dict):  # Bedrock's only part without a type
        return
    if not isinstance(kind, str) or not (is_answer or kind in _TYPES):
        raise InvalidInput(f"{place}.type", "is missing" if kind is None else "is not known")
    needed = _NEEDED.get(kind, ()) if not is_answer or kind == "text" else ()
    _check_keys(part, _KEYS.keys() if kind in _TYPES else (), needed, place)
    for key, inner in _INNER.items():
        if kind in _TYPES and isinstance(part.get(key), dict):
            _check_keys(part[key], _INNER_KEYS, () if is_answer else inner, f"{place}.{key}")
    if kind in _MEDIA and not is_answer and part.keys() <= _LABELS:
        raise InvalidInput(
            place, "has nothing to show: neither url, base64, file_id nor a provider's own key"
        )


def _check_keys(part: Mapping[str, Any], known: Collection[str], needed: Sequence[str], place: str) -> None:
    """Raise InvalidInput for a key that is needed and missing, or a known one that has a wrong type."""
    for key in needed:
        if key not in part:
            raise InvalidInput(f"{place}.{key}", "is missing")
    for key, value in part.items():
        kinds = _KEYS[key] if key in known else ()
        if not kinds or (value is None and key not in needed):
            continue
        is_whole = int in kinds and isinstance(value, float) and value.is_integer()
        if not (is_whole or isinstance(value, kinds)) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join(_NAMES[each] for each in kinds)
            raise InvalidInput(f"{place}.{key}", f"must be {names}")
