"""LangGraph's checkpoints in the Postgres database, each message stored once a thread."""
