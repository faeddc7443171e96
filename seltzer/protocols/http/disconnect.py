"""Waiting for a client to leave, and not seeing it leave."""

import asyncio

from starlette.types import Message, Receive


async def disconnected(receive: Receive) -> None:
    """Wait until the client has left. The request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def never_receive() -> Message:
    """Be the `receive` of code that must not see its client leave: wait until it is cancelled."""
    return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]
