"""How a streamed answer is read: from bytes to frames, and from frames to chunks."""
