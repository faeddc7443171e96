"""Finds the code blocks of a page, and what an HTML comment right above one notes about it.

<!-- not run: reason -->   a block that a test can't run, and why
<!-- file: path -->        a file of the reader's project, as a whole
<!-- prints -->            what the block before prints; a line `...` matches any lines
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"(?P<indent> *)```(?P<language>[\w-]*) *$")
_NOTE = re.compile(r"<!-- (?P<name>not run|file|prints)(?:: (?P<value>.+?))? -->")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. line is that of its first line; note is (name, value) of the comment above, or None."""

    page: Path
    line: int
    language: str
    text: str
    note: tuple[str, str] | None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def is_noted(self, name: str) -> bool:
        return self.note is not None and self.note[0] == name


def blocks_of(page: Path) -> list[Block]:
    """Return the page's blocks in order. Raises ValueError for a fence that isn't closed."""
    blocks: list[Block] = []
    note: tuple[str, str] | None = None
    opened: re.Match[str] | None = None
    body: list[str] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        fence = _FENCE.fullmatch(line)
        if opened is not None:
            if line.strip() != "```":
                body.append(line.removeprefix(opened["indent"]))
                continue
            text = "\n".join(body) + "\n"
            blocks.append(Block(page, number - len(body), opened["language"], text, note))
            opened, note = None, None
        elif fence:
            opened, body = fence, []
        elif found := _NOTE.fullmatch(line.strip()):
            note = (found["name"], found["value"] or "")
        elif line.strip():
            note = None
    if opened is not None:
        raise ValueError(f"{page}: a code block isn't closed")
    return blocks
