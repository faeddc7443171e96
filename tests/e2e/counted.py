"""The shipped agent, whose calculator takes a moment and writes a line to $TOOL_LOG each time it is run."""

import os
import threading
from pathlib import Path

from langchain_core.tools import tool

from graphs.agent import build
from graphs.calculator import calculate
from seltzer.models import chat_model

TAKES_S = 0.15


@tool
def calculator(expression: str) -> str:
    """Compute an arithmetic expression."""
    with Path(os.environ["TOOL_LOG"]).open("a", encoding="utf-8") as log:
        log.write(expression + "\n")
    threading.Event().wait(TAKES_S)
    return calculate(expression)


graph = build(chat_model(), [calculator])
