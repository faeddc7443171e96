"""Texts on their way to a Postgres database, which has no NUL: each becomes the replacement character.

A body with one is refused at the edge (seltzer/guards/body.py): what is left are ids in paths, which name
nothing then, and what graphs make.
"""

from typing import Any, Final

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.types.string import StrBinaryDumper, StrDumper, StrDumperUnknown

from seltzer.runs.text import without_nul


class _Dumper(StrDumperUnknown):
    def dump(self, obj: str) -> Any:
        return super().dump(without_nul(obj))


class _TextDumper(StrDumper):
    def dump(self, obj: str) -> Any:
        return super().dump(without_nul(obj))


class _BinaryDumper(StrBinaryDumper):
    def dump(self, obj: str) -> Any:
        return super().dump(without_nul(obj))


def _adapters() -> AdaptersMap:
    adapters = AdaptersMap(psycopg.adapters)
    for each in (_BinaryDumper, _TextDumper, _Dumper):  # the last one is used where no type is asked for
        adapters.register_dumper(str, each)
    return adapters


class _Context:
    """What a connection is made with."""

    adapters = _adapters()
    connection = None


CONTEXT: Final = _Context()
