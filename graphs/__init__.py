"""The graphs this server serves: one file an agent, each usable on its own.

Of the library they import seltzer.models alone.
"""
