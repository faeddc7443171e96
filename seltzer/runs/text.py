"""Text: what of it can be stored, one rule for every store; how titles are looked up and cut."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")  # NUL, and surrogates without their other half


def is_storable(text: str) -> bool:
    """Return whether every store can keep the text; of a long one, such as base64, at little cost."""
    return "\x00" not in text if text.isascii() else UNSTORABLE.search(text) is None


def without_nul(text: str) -> str:
    """Replace each NUL, for which Postgres has no place."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def storable(value: Any) -> Any:
    """Return plain data without a NUL in its texts."""
    if isinstance(value, str):
        return without_nul(value)
    if isinstance(value, Mapping):
        return {
            without_nul(key) if isinstance(key, str) else key: storable(each) for key, each in value.items()
        }
    return [storable(each) for each in value] if isinstance(value, list) else value


def clean(text: str) -> str:
    """Replace lone surrogates, which a model's JSON may spell and no encoding of text can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def clean_value(value: Any) -> Any:
    """Return plain data with all of its texts cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key) if isinstance(key, str) else key: clean_value(each) for key, each in value.items()}
    return [clean_value(each) for each in value] if isinstance(value, list) else value


_EXTENDS: Final = frozenset({"Mn", "Me", "Mc"})  # marks, which belong to the character before them
# What does so without being a mark: a non-joiner, the sound marks of half-width kana, the vowels and finals
# of Korean syllables, and the letters in the flag of a region.
_EXTENDING: Final = re.compile("[\u200c\uff9e\uff9f\u1160-\u11ff\ud7b0-\ud7fb\U000e0020-\U000e007f]")
_JOINER: Final = "\u200d"


def fold(text: str) -> str:
    """Return the text as it is looked up by: the same for all that people take for the same letters.

    Composed or not, half or full width, in any case; a capital I with a dot is an i, as in its languages.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFKC", folded.replace("i\u0307", "i"))


def cut(text: str, limit: int) -> str:
    """Return the text's beginning, limit characters at most, not cut amid what is shown as one sign."""
    end = limit
    while 0 < end < len(text) and _is_amid_sign(text, end):
        end -= 1
    return text[: end or limit]


def _is_amid_sign(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if _JOINER in (before, after) or unicodedata.category(after) in _EXTENDS or _is_skin_tone(after):
        return True
    if _EXTENDING.match(after):
        return True
    return _is_of_flag(after) and _flags_before(text, at) % 2 == 1


def _flags_before(text: str, at: int) -> int:
    count = 0
    while count < at and _is_of_flag(text[at - 1 - count]):
        count += 1
    return count


def _is_of_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _is_skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"
