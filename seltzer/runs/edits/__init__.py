"""Edits of a thread between its runs: its state is updated by hand, or what a graph asks is withdrawn."""
