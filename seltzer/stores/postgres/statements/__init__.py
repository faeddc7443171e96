"""The SQL of the runs, their threads and events."""
