"""A project with packages and modules of its own by the names of ours: app, graphs, tests, main, settings."""

from __future__ import annotations

import json
from pathlib import Path

ANSWER = "app graphs tests main settings: all mine"

_MODULES = {
    "app/__init__.py": 'WHOSE = "app"',
    "graphs/__init__.py": 'WHOSE = "graphs"',
    "tests/__init__.py": 'WHOSE = "tests"',
    "main.py": 'WHOSE = "main"',
    "settings.py": 'WHOSE = "settings"',
    "graphs/agent.py": """
import itertools

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

import app
import graphs
import main
import settings
import tests

owners = " ".join(module.WHOSE for module in (app, graphs, tests, main, settings))
model = GenericFakeChatModel(messages=itertools.repeat(AIMessage(f"{owners}: all mine")))


async def answer(state: MessagesState) -> dict:
    return {"messages": [await model.ainvoke(state["messages"])]}


graph = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").compile()
""",
}
_PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "somebodys-project"
version = "1.0"

[tool.hatch.build.targets.wheel]
sources = [{sources}]
include = [{include}]
"""


def write_project(folder: Path, *, root: str) -> Path:
    """Write the project with its modules in root ("." or "src"), and return its folder."""
    for place, source in _MODULES.items():
        file = folder / root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source + "\n", encoding="utf-8")
    within = "" if root == "." else f"{root}/"
    include = ", ".join(f'"/{within}{name}"' for name in ("app", "graphs", "tests", "main.py", "settings.py"))
    sources = "" if root == "." else f'"{root}"'
    (folder / "pyproject.toml").write_text(_PYPROJECT.format(sources=sources, include=include))
    graphs = {"agent": f"./{within}graphs/agent.py:graph"}
    declared = {"dependencies": ["."], "graphs": graphs}
    (folder / "langgraph.json").write_text(json.dumps(declared), encoding="utf-8")
    return folder
