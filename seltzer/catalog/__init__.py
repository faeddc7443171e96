"""langgraph.json -> the graphs there are."""

from seltzer.catalog.catalog import LangGraphFile, load, read_file

__all__ = ["LangGraphFile", "load", "read_file"]
