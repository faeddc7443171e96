"""langgraph.json as it is written: read, checked, and each of its keys found by line."""

import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from seltzer.errors import InvalidInput, LoadError

EXAMPLE: Final = '{"dependencies": ["."], "graphs": {"agent": "./graphs/agent.py:graph"}}'


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Entry(_Part):
    """What a name in `graphs` refers to. answer: the nodes whose text is the answer."""

    path: str
    description: str | None = None
    answer: list[str] = []

    @field_validator("answer", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Source(_Part):
    """Where the project is that the graphs belong to: a uv project or workspace."""

    kind: Literal["uv"]
    root: str = "."
    package: str | None = None


class Index(_Part):
    """Semantic search in the store: embed is `provider:model`, or `./file.py:function`."""

    dims: Annotated[int, Field(ge=1)]
    embed: str
    fields: list[str] | None = None


class StoreTtl(_Part):
    """How long the store keeps an item, in minutes; None: for ever."""

    default_ttl: Annotated[float, Field(gt=0)] | None = None
    refresh_on_read: bool = True
    sweep_interval_minutes: Annotated[int, Field(ge=1)] | None = None


class Store(_Part):
    """The server's long-term store."""

    index: Index | None = None
    ttl: StoreTtl | None = None


class Serde(_Part):
    """How a state's values are stored: which classes are revived, and whether pickle helps out.

    allowed_msgpack_modules: `[["module", "Class"], ..]`; True for all of them, with a warning each.
    """

    allowed_msgpack_modules: bool | list[tuple[str, ...]] | None = None
    allowed_json_modules: bool | list[tuple[str, ...]] | None = None
    pickle_fallback: bool = False


class Checkpointer(_Part):
    """How threads are stored."""

    path: str | None = None
    serde: Serde | None = None


class Http(_Part):
    """The server's own routes and its middleware."""

    app: str | None = None


class LangGraphFile(_Part):
    """langgraph.json, as far as a server that runs graphs needs it."""

    graphs: Annotated[dict[str, str | Entry], Field(min_length=1)]
    dependencies: list[str] = []
    env: str | dict[str, str] = {}
    source: Source | None = None
    store: Store | None = None
    checkpointer: Checkpointer | None = None
    auth: dict[str, Any] | None = None
    http: Http | None = None

    def entry(self, name: str) -> Entry:
        """Return what the name refers to."""
        entry = self.graphs[name]
        return entry if isinstance(entry, Entry) else Entry(path=entry)


def read_file(path: Path) -> LangGraphFile:
    """Read and check langgraph.json. Raises LoadError."""
    return read_with_text(path)[0]


def read_with_text(path: Path) -> tuple[LangGraphFile, str]:
    """Read and check langgraph.json; return it, and its text. Raises LoadError."""
    what, text = f"{path} can't be used", ""
    try:
        text = path.read_text(encoding="utf-8")
        return LangGraphFile.model_validate(json.loads(text)), text
    except FileNotFoundError:
        todo = f"run in its folder, or write one: {EXAMPLE}"
        raise LoadError(f"{path} doesn't exist", "it names the graphs to serve", todo) from None
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(what, f"it can't be read: {error}", "make it a readable UTF-8 file") from None
    except json.JSONDecodeError as error:
        why = f"{path}:{error.lineno}: not JSON: {error.msg} at column {error.colno}"
        raise LoadError(what, why, f"fix that line; the file looks like {EXAMPLE}") from None
    except ValidationError as error:
        raise LoadError(what, _why(error, path, text), f"it looks like {EXAMPLE}") from None
    except RecursionError:
        raise LoadError(what, f"{path}:1: it is nested too deep", f"it looks like {EXAMPLE}") from None


def line_of_key(text: str, keys: Sequence[str | int]) -> int:
    """Return the line of the last of the keys that the text has, each searched for after the one before."""
    at = 0
    for key in keys:
        found = re.compile(re.escape(json.dumps(key)) + r"\s*:").search(text, at)
        found = found or re.compile(re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:").search(text, at)
        at = found.start() if found else at
    return text.count("\n", 0, at) + 1


def _why(error: ValidationError, path: Path, text: str) -> str:
    """Return the first field that is wrong, with its line and the reason.

    A value that may be of several types has an error for each of them; one that is within it says more.
    """
    content = json.loads(text)
    errors = [(_keys(each, content), InvalidInput.first_of([each]).reason) for each in error.errors()]
    outer = errors[0][0]
    keys = max((each for each, _ in errors if each[: len(outer)] == outer), key=len)
    first, *others = dict.fromkeys(reason for each, reason in errors if each == keys)
    reason = " or ".join([first, *(each.removeprefix("must be ") for each in others)])
    field = ".".join(map(str, keys)) or "the whole file"
    why = f"{path}:{line_of_key(text, keys)}: {field}: {reason}"
    if keys == ["graphs"] and "graphs" not in content:
        close = get_close_matches("graphs", list(content), n=1)
        why += f" (is {close[0]!r} meant?)" if close else ""
    return why


def _keys(error: Mapping[str, Any], value: Any) -> list[str | int]:
    """Return the keys of an error's place: pydantic also names the types that a value may have."""
    keys: list[str | int] = []
    for key in error["loc"]:
        if (isinstance(value, dict) and key in value) or (isinstance(value, list) and isinstance(key, int)):
            value = value[key]
        else:
            continue
        keys.append(key)
    return [*keys, error["loc"][-1]] if error["type"] == "missing" else keys
