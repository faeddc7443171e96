"""What an item may be, by one rule for every store: what works with one of them works with the others.

Without it, SQLite would take a NUL that Postgres refuses, and Postgres a number that SQLite refuses.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson
from langgraph.store.base import GetOp, Op, PutOp, SearchOp

from seltzer.errors import RunFailed

KEY_LIMIT_BYTES: Final = 2000  # a namespace and a key: an index of Postgres takes few more
_SHOWN: Final = 100


def checked(op: Op) -> Op:
    """Return the operation with its value as plain JSON. Raises RunFailed if a store can't keep it."""
    if isinstance(op, PutOp):
        _check_key(op.namespace, op.key)
        if op.value is None:
            return op
        return op._replace(value=_plain(op.value, f"the item {_shown(op.key)}"))
    if isinstance(op, GetOp):
        _check_key(op.namespace, op.key)
    if isinstance(op, SearchOp):
        _check_texts(op.namespace_prefix, "a namespace")
        if op.filter:
            return op._replace(filter=_plain(op.filter, "the filter of a search"))
    return op


def without_nul(value: Any) -> Any:
    """Return the JSON with the replacement character for each NUL, as an older item may have."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {without_nul(key): without_nul(each) for key, each in value.items()}
    return [without_nul(each) for each in value] if isinstance(value, list) else value


def _plain(value: Any, what: str) -> dict[str, Any]:
    try:
        data = orjson.dumps(value)
    except TypeError as error:  # its words name a type, or a rule of JSON
        raise _refused(f"{what} isn't JSON: {error}") from error
    plain = orjson.loads(data)
    if not isinstance(plain, dict):
        raise _refused(f"{what} isn't a JSON object")
    if b"\\u0000" in data:  # perhaps only the text of an escape
        _check_texts(_texts(plain), what)
    return plain


def _check_key(namespace: tuple[str, ...], key: str) -> None:
    _check_texts((*namespace, key), f"the key {_shown(key)}")
    if len(".".join((*namespace, key)).encode()) > KEY_LIMIT_BYTES:
        raise _refused(f"a namespace and its key are longer than {KEY_LIMIT_BYTES:,} bytes: {_shown(key)}")


def _check_texts(texts: Iterable[str], what: str) -> None:
    for each in texts:
        if "\0" in each:
            raise _refused(f"{what} has a NUL character in it")
        if not each.isascii() and any("\ud800" <= sign <= "\udfff" for sign in each):
            raise _refused(f"{what} has half a surrogate pair in it")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _shown(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}.."


def _refused(why: str) -> RunFailed:
    return RunFailed("graph_error", f"The graph's store can't be used like this: {why}.")
