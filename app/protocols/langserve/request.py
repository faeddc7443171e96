"""LangServe's request bodies, checked before LangServe sees them: it answers 500 to much of what is wrong
with them.
"""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from langserve.lzstring import LZString
from pydantic import ValidationError

from app.errors import BadRequest, InvalidInput
from app.protocols.langserve.served import Asked, ServedGraph
from app.protocols.messages import MessageLimits, parse_input
from app.runs.run import MAX_STEPS, check_max_steps, check_thread_id

_FILTERS: Final = tuple(
    f"{verb}_{noun}" for verb in ("include", "exclude") for noun in ("names", "types", "tags")
)
_KEYS: Final = frozenset({"input", "inputs", "config", "kwargs", "diff", "version", *_FILTERS})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may ask for."""

    batch: int = 20
    messages: MessageLimits = field(default_factory=MessageLimits)


def check(endpoint: str, body: Any, config_hash: str, served: ServedGraph, limits: Limits) -> Asked:
    """Return what the body asks for. Raises BadRequest or InvalidInput, naming the field."""
    if not isinstance(body, dict):
        raise InvalidInput("body", "must be an object")
    for key in body:
        if key not in _KEYS:
            raise InvalidInput(key[:100], "is not known; a thread is named by config.configurable.thread_id")
    if body.get("kwargs") not in (None, {}):
        raise InvalidInput("kwargs", "is not supported; leave it empty")
    hashed = _hashed_config(config_hash, served)
    if endpoint == "batch":
        return _check_batch(body, hashed, served, limits)
    if "input" not in body:
        raise InvalidInput("input", "is missing")
    _check_input(body["input"], "input", served, limits)
    _check_filters(body)
    thread_id, max_steps = _check_config(body.get("config"), "config", served)
    return Asked((thread_id or hashed or _new_thread_id(),), (max_steps,))


def _check_batch(body: dict[str, Any], hashed: str | None, served: ServedGraph, limits: Limits) -> Asked:
    inputs, config = body.get("inputs"), body.get("config")
    if not isinstance(inputs, list) or not inputs:
        raise InvalidInput(
            "inputs", "is missing" if inputs is None else "must be a list of at least one input"
        )
    if len(inputs) > limits.batch:
        raise InvalidInput("inputs", f"has {len(inputs)} inputs; at most {limits.batch}")
    for index, value in enumerate(inputs):
        _check_input(value, f"inputs.{index}", served, limits)
    if not isinstance(config, list):
        thread_id, max_steps = _check_config(config, "config", served)
        if (thread_id or hashed) and len(inputs) > 1:
            raise InvalidInput(
                "config.configurable.thread_id", "one thread can't take several inputs at once"
            )
        return Asked(
            tuple(thread_id or hashed or _new_thread_id() for _ in inputs), tuple(max_steps for _ in inputs)
        )
    if len(config) != len(inputs):
        raise InvalidInput("config", f"has {len(config)} entries for {len(inputs)} inputs")
    checked = [_check_config(each, f"config.{index}", served) for index, each in enumerate(config)]
    threads = tuple(thread_id or hashed or _new_thread_id() for thread_id, _ in checked)
    if len(set(threads)) < len(threads):
        raise InvalidInput("config", "names one thread for several inputs; a thread takes one at a time")
    return Asked(threads, tuple(max_steps for _, max_steps in checked))


def _check_input(value: Any, field: str, served: ServedGraph, limits: Limits) -> None:
    if served.graph.takes_messages:
        parse_input(value, field, limits.messages)
        return
    try:
        served.get_input_schema().model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        path = ".".join([field, *(str(part) for part in first["loc"])])
        raise InvalidInput(path, first["msg"]) from None


def _check_filters(body: dict[str, Any]) -> None:
    """Check the filters of stream_log and stream_events."""
    for name in _FILTERS:
        value = body.get(name)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(each, str) for each in value)
        ):
            raise InvalidInput(name, "must be a list of strings")


def _check_config(config: Any, field: str, served: ServedGraph) -> tuple[str | None, int]:
    """Return the thread, None for a new one, and the steps that the config allows.

    Of a config only `configurable` and `recursion_limit` are the server's; LangServe lets the rest be.
    """
    if config is None:
        config = {}
    if not isinstance(config, dict):
        raise InvalidInput(field, "must be an object")
    max_steps = check_max_steps(config.get("recursion_limit", MAX_STEPS), f"{field}.recursion_limit")
    configurable = config.get("configurable", {})
    if not isinstance(configurable, dict):
        raise InvalidInput(f"{field}.configurable", "must be an object")
    known = [spec.id for spec in served.config_specs]
    for key in configurable:
        if key not in known:
            raise InvalidInput(
                f"{field}.configurable.{key}"[:200], f"is not configurable; known: {', '.join(known)}"
            )
    thread_id = configurable.get("thread_id", "")
    if thread_id == "":  # what the playground's form sends when nothing is typed
        return None, max_steps
    return check_thread_id(thread_id, f"{field}.configurable.thread_id"), max_steps


def _hashed_config(config_hash: str, served: ServedGraph) -> str | None:
    """Return the thread that the config in a /c/{hash}/ path names."""
    if not config_hash:
        return None
    try:
        config = json.loads(LZString.decompressFromEncodedURIComponent(config_hash) or "")  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, KeyError, IndexError, NameError):  # LZString has no error of its own
        raise BadRequest("the path's config hash can't be read") from None
    return _check_config(config, "config_hash", served)[0]


def _new_thread_id() -> str:
    return str(uuid.uuid4())
