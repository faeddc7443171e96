"""What a request's body may have, the same on every protocol: inputs, messages, configuration."""
