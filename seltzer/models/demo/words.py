"""Cuts text into chunks as a model does: a word with the space before it, or one or two characters of CJK."""

import re
from typing import Literal

Language = Literal["en", "ja", "zh"]

LEAST_CHUNKS = 4
_CJK = "\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
_CHUNK = re.compile(rf"\s*(?:[{_CJK}]{{1,2}}|[^\s{_CJK}]+)|\s+")
_KANA = re.compile(r"[\u3041-\u30ff]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"[A-Za-z]")


def chunks(text: str) -> list[str]:
    """Cut text into at least LEAST_CHUNKS pieces, if it has as many characters; joined, they are the text."""
    pieces: list[str] = _CHUNK.findall(text)
    while len(pieces) < LEAST_CHUNKS and (longest := max(pieces, key=len, default="")) and len(longest) > 1:
        at = pieces.index(longest)
        half = len(longest) // 2
        pieces[at : at + 1] = [longest[:half], longest[half:]]
    return pieces


def language_of(text: str) -> Language | None:
    """Detect the language by its script: kana is ja, Han alone zh, Latin en; None for bare numbers."""
    if _KANA.search(text):
        return "ja"
    if _HAN.search(text):
        return "zh"
    return "en" if _LETTER.search(text) else None
