"""The example projects, and what plain LangGraph answers in each."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Example:
    """A graph of a project. path is where it is served; answer is a pattern of its answer to `hi`.

    has_store: it has a store of its own, with which `langgraph dev` refuses to start.
    """

    project: str
    graph: str
    path: str
    answer: str
    has_store: bool = False

    def is_answered_by(self, text: str) -> bool:
        return re.fullmatch(self.answer, text) is not None


EXAMPLES: Final = [
    Example("trip_planner", "trip_planner", "/trip_planner", r"It is sunny in Lisbon, so take the tram\."),
    Example("sessions", "sessions", "/sessions", r"hello, search done, 1 open, said plainly"),
    Example("notes", "own-store", "/own-store", r"question number \d+ in my own store", has_store=True),
    Example("notes", "shared_store", "/shared_store", r"question number \d+ in the shared store"),
    Example("briefing", "briefing", "/briefing", r"brief English for everybody on nothing from 130 sources"),
    Example(
        "deep_researcher",
        "Deep Researcher",
        "/deep-researcher",
        r"The moon makes the tides, as my notes say\.",
    ),
]


def copy_project(name: str, to: Path) -> Path:
    """Copy a project, as a server writes into its folder, and return where it is."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(FOLDER / name, to / name, ignore=ignored))
