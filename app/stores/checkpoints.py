"""LangGraph's checkpointers: where threads live."""

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer


def in_memory() -> InMemorySaver:
    """Return a saver that keeps threads in this process's memory, and refuses to revive arbitrary objects."""
    return InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
