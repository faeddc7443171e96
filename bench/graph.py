"""The graphs that Seltzer serves in the benchmarks: one call of the model; one with a tool called first."""

from bench.shapes import with_tool
from graphs.bare import build
from seltzer.models import chat_model

llm = build(chat_model())
tool = with_tool(chat_model())
