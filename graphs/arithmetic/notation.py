"""Reads arithmetic as people type it: signs of every script to one notation, and that into tokens.

No value is computed here; reading.py does that.
"""

import re
from dataclasses import dataclass

from seltzer.models.demo.notation import normalised

MAX_CHARS = 1_000

_PIECE = re.compile(
    r"(?P<name>[A-Za-z_]\w*)?\s*(?P<open>\()|(?P<close>\))|(?P<thousands>\d{1,3}(?:,\d{3})+(?![\d,]))|[\w.]+|.",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|//|[-+*/%!°√∛(),]))"
)
_SEVERAL_ARGUMENTS = frozenset({"min", "max", "root", "log", "round", "pow"})


class CannotRead(ValueError):
    """The text isn't arithmetic. The message names the place and the reason, for its author."""


@dataclass(frozen=True, slots=True)
class Token:
    """One number, name or sign. The last token of a text is the sign "" (the end)."""

    kind: str  # number, name or sign
    text: str

    @property
    def starts_an_operand(self) -> bool:
        return self.kind != "sign" or self.text in ("(", "√", "∛")


END = Token("sign", "")


def tokens(text: str) -> list[Token]:
    """Split arithmetic into tokens, ending with END.

    Takes at most MAX_CHARS characters. Raises CannotRead at the first character that belongs to no token.
    """
    if len(text) > MAX_CHARS:
        raise CannotRead(f"The expression is too long: {len(text):,} characters, at most {MAX_CHARS:,}.")
    plain = _without_thousands_commas(normalised(text))
    found: list[Token] = []
    at = 0
    while at < len(plain):
        match = _TOKEN.match(plain, at)
        if match is None:
            raise CannotRead(f"I can't read the expression from {plain[at : at + 12]!r} on.")
        kind = match.lastgroup
        assert kind
        found.append(Token(kind, match[kind]))
        at = match.end()
    if not found:
        raise CannotRead("The expression is empty.")
    return [*found, END]


def _without_thousands_commas(text: str) -> str:
    """Drop the commas of 1,234.5; a comma in min(1,234) parts arguments and stays."""
    kept: list[str] = []
    parts_arguments = [False]
    for piece in _PIECE.finditer(text):
        if piece["open"]:
            name = piece["name"]
            parts_arguments.append(name in _SEVERAL_ARGUMENTS if name else parts_arguments[-1])
        elif piece["close"] and len(parts_arguments) > 1:
            parts_arguments.pop()
        kept.append(piece[0].replace(",", "") if piece["thousands"] and not parts_arguments[-1] else piece[0])
    return "".join(kept)
