"""What a graph takes and gives, as JSON schemas and as checks of an input or a context."""
