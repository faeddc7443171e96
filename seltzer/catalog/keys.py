"""The keys of langgraph.json that this server doesn't honour: each gets a warning that names it.

Keys about building an image (`python_version`, `dockerfile_lines`, ..) aren't a server's, and get none.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from seltzer.catalog.file import LangGraphFile, line_of_key
from seltzer.errors import LoadError

_HONOURED: Final = frozenset(
    {"$schema", "graphs", "dependencies", "env", "source", "store", "checkpointer", "http"}
)
_ABOUT_IMAGES: Final = frozenset({
    "_INTERNAL_docker_tag", "api_version", "base_image", "dockerfile_lines", "image_distro",
    "keep_pkg_tools", "node_version", "package", "pip_config_file", "pip_installer", "project_root",
    "python_version",
})  # fmt: skip
_NOT_HONOURED: Final = {
    "auth": "requests aren't authenticated by it: this server is open to anyone who can reach it",
    "disable_persistence": "threads and runs are stored all the same",
    "encryption": "what is stored isn't encrypted by it",
    "priority": "runs wait in the order they came",
    "ui": "no interface components are served",
    "ui_config": "no interface components are served",
    "webhooks": "no webhook is called",
}
_NOT_HONOURED_PARTS: Final = {
    ("checkpointer", "path"): "threads are kept in the server's own store",
    ("checkpointer", "ttl"): "threads are kept until they are deleted",
    ("checkpointer", "serde", "allowed_json_modules"): "nothing is stored in the format it is about",
    ("http", "app"): "its routes aren't served; mount the graphs in that app with seltzer.add_routes",
    ("http", "configurable_headers"): "no header gets into `configurable`",
    ("http", "cors"): "pages of other origins may use this server if SELTZER_ALLOWED_ORIGINS names them",
    ("http", "disable_meta"): "/info, /docs and the pages are served",
    ("http", "disable_runs"): "the routes of runs are served",
    ("http", "disable_threads"): "the routes of threads are served",
    ("http", "enable_custom_route_auth"): "there are no routes of an http.app, nor authentication",
    ("http", "logging_headers"): "no header is logged",
    ("http", "middleware_order"): "there is no middleware of an http.app",
    ("http", "mount_prefix"): "routes have no prefix; a proxy may put one before them, or SELTZER_ROOT_PATH",
}  # fmt: skip
_PARTS: Final[Mapping[tuple[str, ...], frozenset[str]]] = {
    ("checkpointer",): frozenset({"path", "ttl", "serde"}),
    ("checkpointer", "serde"): frozenset({
        "allowed_msgpack_modules", "allowed_json_modules", "pickle_fallback",
    }),
    ("http",): frozenset({
        "app", "configurable_headers", "cors", "disable_a2a", "disable_assistants", "disable_mcp",
        "disable_meta", "disable_runs", "disable_store", "disable_threads", "disable_ui",
        "disable_webhooks", "enable_custom_route_auth", "logging_headers", "middleware_order",
        "mount_prefix",
    }),
    ("source",): frozenset({"kind", "root", "package"}),
    ("store",): frozenset({"index", "ttl"}),
    ("store", "index"): frozenset({"dims", "embed", "fields"}),
    ("store", "ttl"): frozenset({"default_ttl", "refresh_on_read", "sweep_interval_minutes"}),
}  # fmt: skip
_KNOWN: Final = _HONOURED | _ABOUT_IMAGES | _NOT_HONOURED.keys()
_ENTRY: Final = frozenset({"path", "description", "answer"})


def warnings_of(file: LangGraphFile, path: Path, text: str) -> list[str]:
    """Return a line for each key that isn't honoured, in the order of the file."""
    given = file.model_dump(exclude_unset=True)
    lines = [(line_of_key(text, keys), ".".join(keys), why) for keys, why in _warnings(given)]
    return [f"{path}:{line}: {key} {why}" for line, key, why in sorted(lines, key=lambda each: each[0])]


def check_auth(file: LangGraphFile, path: Path, text: str) -> None:
    """Raise LoadError if the file declares an `auth`, misspelt or not: it asks for a guarded server."""
    for key, value in file.model_dump(exclude_unset=True).items():
        if value is not None and (key == "auth" or (key not in _KNOWN and _closest(key, _KNOWN) == "auth")):
            raise LoadError(
                f"{path} can't be used",
                f"{path}:{line_of_key(text, (key,))}: {key} isn't honoured: {_NOT_HONOURED['auth']}",
                "remove that key, or start with --no-auth if an open server is what you want",
            )


def _warnings(given: Mapping[str, Any]) -> Iterator[tuple[Sequence[str], str]]:
    for key, value in given.items():
        if key not in _KNOWN:
            yield (key,), _unknown(key, _KNOWN)
        elif value is None:
            continue
        elif key == "graphs":
            yield from _in_entries(value)
        elif key in _NOT_HONOURED:
            yield (key,), f"isn't honoured: {_NOT_HONOURED[key]}"
        if isinstance(value, Mapping):
            yield from _in_part((key,), value)


def _in_entries(entries: Mapping[str, Any]) -> Iterator[tuple[Sequence[str], str]]:
    for name, entry in entries.items():
        for key in entry if isinstance(entry, Mapping) else ():
            if key not in _ENTRY:
                yield ("graphs", name, key), _unknown(key, _ENTRY)


def _in_part(within: tuple[str, ...], part: Mapping[str, Any]) -> Iterator[tuple[Sequence[str], str]]:
    known = _PARTS.get(within)
    for key, value in part.items():
        keys = (*within, key)
        if value is None or value is False:  # a switch that is off asks for nothing
            continue
        if keys in _NOT_HONOURED_PARTS:
            yield keys, f"isn't honoured: {_NOT_HONOURED_PARTS[keys]}"
        elif known is not None and key not in known:
            yield keys, _unknown(key, known)
        if isinstance(value, Mapping):
            yield from _in_part(keys, value)


def _unknown(key: str, known: Set[str]) -> str:
    closest = _closest(key, known)
    return "is not a known key" + (f"; is {closest!r} meant?" if closest else "")


def _closest(key: str, known: Set[str]) -> str | None:
    close = get_close_matches(key.lower(), sorted(known), n=1)
    return close[0] if close else None
