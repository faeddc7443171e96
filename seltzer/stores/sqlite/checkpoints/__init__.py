"""LangGraph's checkpoints in the SQLite file, each message stored once a thread."""
