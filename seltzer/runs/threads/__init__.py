"""Conversations: a thread's state, and how it is put in order after a run was stopped."""
