"""Conversations: a thread's state, and how it is left in order when a run was stopped."""
