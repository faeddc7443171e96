"""A run's events -> the parts of its answer, whatever becomes of the connection."""
