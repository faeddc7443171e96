"""OpenAI's models: strict about how a stream ends, read by a fast path where it can be."""
