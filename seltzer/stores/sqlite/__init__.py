"""The default store: one SQLite file in a folder that one process locks."""
