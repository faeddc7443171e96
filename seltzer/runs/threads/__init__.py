"""Conversations: what a thread holds, and how it is left in order when a run was stopped."""
