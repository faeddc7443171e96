"""Ids for runs, threads and messages without one from the client."""

from langchain_core.utils.uuid import uuid7


def new_id() -> str:
    """Return a unique id, higher than those made before (RFC 9562, version 7).

    So the rows of one moment lie side by side in each index of the file, and a transaction writes fewer pages
    than it would with random ids.
    """
    return str(uuid7())
