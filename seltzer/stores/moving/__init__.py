"""Threads, their runs and states, from a data folder into a Postgres database, and back."""
