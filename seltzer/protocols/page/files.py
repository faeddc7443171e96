"""The files of the built page: which there are, and in which encodings.

They are looked up when the server is made, and again once they were replaced: what a request names is
compared, never opened.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from starlette.responses import FileResponse, Response

_INDEX: Final = "index.html"
_DIGEST: Final = re.compile(r"\.[\w-]{8}$")  # as web/vite.config.ts names them
_ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}  # the best first; web/build/precompress.ts makes them
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """A file as it is sent: in an encoding, or as it is."""

    path: Path
    encoding: str | None
    etag: str

    def response(self, headers: Mapping[str, str], media_type: str) -> Response:
        """Return the response that sends the file."""
        return FileResponse(self.path, headers=dict(headers), media_type=media_type)


@dataclass(frozen=True, slots=True)
class File:
    """A file of the page; the variants are in the order of their worth, the plain one last.

    is_fixed: its name has a digest of what it contains.
    """

    media_type: str
    is_fixed: bool
    variants: tuple[Variant, ...]

    def variant(self, accepted: str) -> Variant:
        """Return the best variant for an Accept-Encoding."""
        wanted = _accepted(accepted)
        for each in self.variants:
            if each.encoding is None or wanted.get(each.encoding, wanted.get("*", 0.0)) > 0:
                return each
        return self.variants[-1]


@dataclass(frozen=True, slots=True)
class BuiltPage:
    """The page as it was built. index is None if it wasn't. version: changes with the files."""

    folder: Path
    version: int
    index: File | None
    files: Mapping[str, File]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the page in the folder."""
        version = _version(folder)
        paths = sorted(folder.iterdir()) if version else []
        files = {each.name: _file(each) for each in paths if each.suffix in _MEDIA_TYPES and each.is_file()}
        return cls(folder, version, files.pop(_INDEX, None), files)

    def renewed(self) -> Self:
        """Return the page as it is now: another one if it was built anew."""
        return self if _version(self.folder) == self.version else self.read(self.folder)


def _version(folder: Path) -> int:
    """Return when a file was last put into the folder; 0 if there is none."""
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _file(path: Path) -> File:
    content = hashlib.sha256(path.read_bytes()).hexdigest()[:20]
    variants = [
        Variant(compressed, encoding, f'"{content}-{encoding}"')
        for encoding, suffix in _ENCODINGS.items()
        if (compressed := path.with_name(path.name + suffix)).is_file()
    ]
    is_fixed = _DIGEST.search(path.stem) is not None
    return File(_MEDIA_TYPES[path.suffix], is_fixed, (*variants, Variant(path, None, f'"{content}"')))


def _accepted(header: str) -> dict[str, float]:
    """Return the weight of each encoding that an Accept-Encoding names; what can't be read weighs nothing."""
    weights = {}
    for each in header.split(","):
        name, _, parameter = each.partition(";")
        weights[name.strip().lower()] = _weight(parameter)
    return weights


def _weight(parameter: str) -> float:
    key, _, value = parameter.strip().partition("=")
    if not key:
        return 1.0
    try:
        return float(value) if key.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0
