"""Waiting for a client to disconnect, and hiding it from other code."""

import asyncio

from starlette.types import Message, Receive


async def disconnected(receive: Receive) -> None:
    """Wait until the client has disconnected. The request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def never_receive() -> Message:
    """A `receive` for code that must not see its client disconnect: waits until it is cancelled."""
    return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]
