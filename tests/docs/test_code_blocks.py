"""Every code block of the docs does what its page promises."""

from __future__ import annotations

import json
import re
import shutil
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.docs.blocks import PAGES, ROOT, Block, blocks_of
from tests.docs.reader import Reader, matches

PYTHON, SHELL, DIAGRAM = "python", {"bash", "sh", "js"}, "mermaid"
DATA = {"json", "text", "dotenv", "http", "html"}  # tests/web/test_embed.py opens the page in HTML
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
RUN = [block for block in BLOCKS if block.language in {PYTHON, *SHELL} and block.note is None]
PAGES_THAT_RUN = sorted({block.page for block in RUN})


def _place(value: Block | Path) -> str:
    return value.place if isinstance(value, Block) else str(value.relative_to(ROOT))


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning")
@pytest.mark.parametrize("page", PAGES_THAT_RUN, ids=_place)
def test_a_page_can_be_followed_from_top_to_bottom(
    page: Path, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "graphs", folder / "graphs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "langgraph.json", folder)
    (folder / ".venv").symlink_to(sys.prefix)
    for block in blocks_of(page):
        if block.is_noted("file") and block.note:
            (folder / block.note[1]).write_text(block.text, encoding="utf-8")
    monkeypatch.chdir(folder)
    served = serve(config=folder / "langgraph.json")

    printed = ""
    with closing(Reader(folder, served.url)) as reader:
        for block in blocks_of(page):
            if block in RUN:
                printed = reader.run(block)
            elif block.is_noted("prints"):
                assert matches(printed, block.text), f"{block.place}: it prints\n{printed}"


@pytest.mark.parametrize("block", [block for block in BLOCKS if block not in RUN], ids=_place)
def test_a_block_that_is_not_run_is_what_it_claims_to_be(block: Block) -> None:
    if block.is_noted("not run"):
        assert block.note
        assert len(block.note[1].split()) >= 3, "the reason is missing"
    elif block.is_noted("file"):
        assert block.language in {PYTHON, "json"}
        compile(block.text, block.place, "exec") if block.language == PYTHON else json.loads(block.text)
    elif block.language == DIAGRAM:
        _check_diagram(block.text)
    elif block.language == "json":
        json.loads(block.text)
    else:
        assert block.language in DATA, f"{block.language!r} blocks have to be run, or to say why not"


def _check_diagram(text: str) -> None:
    first, *rest = [line.strip() for line in text.splitlines() if line.strip()]
    assert re.fullmatch(r"flowchart (LR|TD|TB|RL|BT)|sequenceDiagram", first)
    assert rest
    assert all(text.count(left) == text.count(right) for left, right in ("[]", "{}", "()"))
    starts = len(re.findall(r"^\s*(?:subgraph|alt|opt|loop|par|critical)\b", text, re.MULTILINE))
    assert starts == len(re.findall(r"^\s*end\s*$", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=_place)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]

    broken = [each for each in targets if each and "://" not in each and not (page.parent / each).exists()]

    assert broken == []
