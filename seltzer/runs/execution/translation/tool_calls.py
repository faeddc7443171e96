"""The tool calls of a message, whole or in pieces -> the data of `tool_call` events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk

from seltzer.runs.event import Json
from seltzer.upstream import PartialCalls


class StreamedCalls:
    """Numbers the calls of one message: as its stream does, but no two calls alike."""

    __slots__ = ("_calls", "_indexes")

    def __init__(self) -> None:
        self._calls: PartialCalls | None = None
        self._indexes: list[int] = []

    def read(self, message: AIMessage, message_id: str) -> Iterator[Json]:
        """Yield the data of each call, or each piece of one, in the message or the chunk."""
        if isinstance(message, AIMessageChunk):
            for piece in message.tool_call_chunks:
                yield _data(message_id, self._index(piece), piece["id"], piece["name"], piece["args"])
            return
        for index, call in enumerate(message.tool_calls):
            args = json.dumps(call["args"], ensure_ascii=False)
            yield _data(message_id, index, call["id"], call["name"], args)

    def _index(self, piece: Mapping[str, Any]) -> int:
        if self._calls is None:
            self._calls = PartialCalls()
        number = self._calls.add(piece)
        if number == len(self._indexes):
            index = piece.get("index")
            is_free = isinstance(index, int) and index not in self._indexes
            self._indexes.append(int(index or 0) if is_free else max(self._indexes, default=-1) + 1)
        return self._indexes[number]


def _data(message_id: str, index: int, call_id: str | None, name: str | None, args: str | None) -> Json:
    return {
        "message_id": message_id,
        "index": index,
        "call_id": call_id,
        "name": name,
        "args": args or "",
    }
