"""The store that graphs share, in the database: LangGraph's AsyncPostgresStore, on the process's own pool."""
