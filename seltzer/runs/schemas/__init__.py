"""A graph's input, output and context, as JSON schemas and as checks of a request's."""
