"""Threads, runs, states and graphs' items: from a data folder into a Postgres database, and back."""
