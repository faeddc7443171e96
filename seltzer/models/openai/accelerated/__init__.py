"""The fast path for a streamed chat: our own HTTP transport, SSE reader and callbacks."""
