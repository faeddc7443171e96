"""A checkpoint and a task's writes, packed so that what can't be stored is named by its channel."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from langgraph.checkpoint.base import Checkpoint
from langgraph.constants import END

from seltzer.errors import StateNotStorable
from seltzer.stores.checkpoints.message_cache import CachedList
from seltzer.stores.checkpoints.packing import Packed, pack
from seltzer.stores.checkpoints.serializer import NotStorable, SafeSerializer

T = TypeVar("T")

# What LangGraph's own channels contain, as an author knows it.
_OWN: Final = {
    "__interrupt__": "interrupt()",
    "__resume__": "the answer to interrupt()",
    "__start__": "input",
    "__previous__": "entrypoint.final(save=..)",
    "__return__": "a task's result",
    "__pregel_tasks": "Send()",
    "__root__": "state",
}


def pack_checkpoint(serde: SafeSerializer, checkpoint: Checkpoint, cached: Sequence[CachedList]) -> Packed:
    """Pack the checkpoint. Raises StateNotStorable."""
    return dump_checkpoint(serde, checkpoint, lambda value: pack(serde, value, cached))


def pack_write(serde: SafeSerializer, channel: str, value: Any, cached: Sequence[CachedList]) -> Packed:
    """Pack what a task wrote to the channel. Raises StateNotStorable."""
    return dump_write(serde, channel, value, lambda value: pack(serde, value, cached))


def dump_checkpoint(serde: SafeSerializer, checkpoint: Checkpoint, dump: Callable[[Any], T]) -> T:
    """Return what dump() makes of the checkpoint by the serializer. Raises StateNotStorable."""
    try:
        return dump(checkpoint)
    except NotStorable:
        values = {
            channel: _storable(serde, channel, value)
            for channel, value in checkpoint["channel_values"].items()
        }
        return dump({**checkpoint, "channel_values": values})


def dump_write(serde: SafeSerializer, channel: str, value: Any, dump: Callable[[Any], T]) -> T:
    """Return what dump() makes of what a task wrote to the channel. Raises StateNotStorable."""
    if "\x00" in channel:  # which Postgres hasn't, and so it can't name it
        raise StateNotStorable(channel, "NUL in its name")
    try:
        return dump(value)
    except NotStorable:
        return dump(_storable(serde, channel, value))


def _storable(serde: SafeSerializer, channel: str, value: Any) -> Any:
    """Return the value if it can be stored.

    What a function of LangGraph's functional API returns is its run's output, and no state: no later run
    reads it, so what can't be stored of it is replaced by the nearest JSON.
    """
    try:
        serde.dumps_typed(value)
    except NotStorable as error:
        if channel == END:
            return serde.to_storable(value)
        raise StateNotStorable(
            _OWN.get(channel, channel), error.type_name, is_pickled=serde.pickle_fallback
        ) from error
    return value
