"""The smallest store there can be: in memory, for tests, and as an example of what a store has to do.

Engines of one event loop can share it, as processes share a database. Each verb does its work without
awaiting anything, and so is one transaction.
"""
