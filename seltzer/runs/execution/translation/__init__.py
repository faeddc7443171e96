"""LangGraph's stream parts -> events, and which of the texts is the answer."""
