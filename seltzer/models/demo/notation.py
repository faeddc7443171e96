"""The signs, digits and letters that people type arithmetic with, rewritten to the plain ones."""

import re
import unicodedata

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("×✕✖⨯⋅·∙•∗", "*"),
        **dict.fromkeys("÷∕⁄", "/"),
        **dict.fromkeys("−–—‒", "-"),
        "^": "**",
        "π": "(pi)",
        "τ": "(tau)",
    }
)
# NFKC would turn 5² into 52 and 2½ into 21/2: both are rewritten before it.
_SUPERSCRIPTS = re.compile(r"[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_VULGAR_FRACTIONS = re.compile(r"[¼½¾⅐-⅞]")


def normalised(text: str) -> str:
    """Rewrite signs, digits and letters of any width to the plain ones: "７ × 2²=" to "7 * 2**(2)"."""
    text = _SUPERSCRIPTS.sub(lambda m: f"**({unicodedata.normalize('NFKC', m[0])})", text)
    text = _VULGAR_FRACTIONS.sub(lambda m: f"({unicodedata.normalize('NFKC', m[0])})", text)
    text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    return text.strip().rstrip("=? ").strip()
