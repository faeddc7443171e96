"""What a message says: its text, in all of LangGraph's spellings of a message, and what its model thinks."""
