"""The SQL of the runs, their threads and events, each within a transaction that the caller began."""
