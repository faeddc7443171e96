"""What the protocols share: event streams, direct sends, runs attached to a request, messages in a body."""
