"""LangServe's request bodies, checked before LangServe sees them: it answers 500 to much of what is wrong
with them.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from langserve.lzstring import LZString
from pydantic import ValidationError

from seltzer.errors import BadRequest, InvalidInput
from seltzer.protocols.http.messages import InputLimits, parse_input, title_of
from seltzer.protocols.langserve.served import Asked, EventForm, ServedGraph
from seltzer.runs.ids import new_id
from seltzer.runs.run import MAX_STEPS, OnBusy, check_max_steps, check_on_busy
from seltzer.runs.thread import check_thread_id

_FILTERS: Final = tuple(
    f"{verb}_{noun}" for verb in ("include", "exclude") for noun in ("names", "types", "tags")
)
_KEYS: Final = frozenset({"input", "inputs", "config", "kwargs", "diff", "version", *_FILTERS})


@dataclass(frozen=True, slots=True)
class _Config:
    """What a config asks of the server; thread_id is None for a new one."""

    thread_id: str | None
    max_steps: int
    on_busy: OnBusy


def check(
    endpoint: str, body: Any, config_hash: str, served: ServedGraph, limits: InputLimits
) -> tuple[Asked, ...]:
    """Return what the body asks for, one entry an input. Raises BadRequest; InvalidInput names the field."""
    if not isinstance(body, dict):
        raise InvalidInput("body", "must be an object")
    for key in body:
        if key not in _KEYS:
            raise InvalidInput(key[:100], "is not known; a thread is named by config.configurable.thread_id")
    _check_kwargs(endpoint, body.get("kwargs"))
    hashed = _hashed_config(config_hash, served)
    if endpoint == "batch":
        return _check_batch(body, hashed, served, limits)
    if "input" not in body:
        raise InvalidInput("input", "is missing")
    title = _check_input(body["input"], "input", served, limits)
    _check_filters(body)
    config = _check_config(body.get("config"), "config", served)
    return (_asked(config, hashed, title),)


def event_form(body: dict[str, Any]) -> EventForm:
    """Return how a checked body asks for the events or the log of a run."""
    kwargs = body.get("kwargs") or {}
    if not isinstance(kwargs, dict):
        return EventForm()
    return EventForm(kwargs.get("version", "v2"), shows_whole_log=kwargs.get("diff") is False)


def readable(body: dict[str, Any]) -> dict[str, Any]:
    """Return a checked body as LangServe can read it: it fails on null, and knows no kwargs."""
    config = body.get("config")
    plain = {key: value for key, value in body.items() if value is not None and key != "kwargs"}
    if isinstance(config, list):
        plain["config"] = [each or {} for each in config]
    return plain


def _check_kwargs(endpoint: str, kwargs: Any) -> None:
    """Refuse what the clients' methods don't send of themselves: a graph has no keyword arguments."""
    if kwargs in (None, {}) or (endpoint == "batch" and isinstance(kwargs, list) and not any(kwargs)):
        return
    if endpoint == "stream_events" and isinstance(kwargs, dict) and kwargs.keys() == {"version"}:
        if kwargs["version"] in ("v1", "v2"):
            return
        raise InvalidInput("kwargs.version", "must be v1 or v2")
    if endpoint == "stream_log" and isinstance(kwargs, dict) and kwargs.keys() == {"diff"}:
        if isinstance(kwargs["diff"], bool):
            return
        raise InvalidInput("kwargs.diff", "must be true or false")
    raise InvalidInput("kwargs", "is not supported; leave it empty")


def _check_batch(
    body: dict[str, Any], hashed: str | None, served: ServedGraph, limits: InputLimits
) -> tuple[Asked, ...]:
    inputs, config = body.get("inputs"), body.get("config")
    if not isinstance(inputs, list):
        raise InvalidInput("inputs", "is missing" if inputs is None else "must be a list of inputs")
    if len(inputs) > limits.batch:
        raise InvalidInput("inputs", f"has {len(inputs)} inputs; at most {limits.batch}")
    titles = [_check_input(value, f"inputs.{index}", served, limits) for index, value in enumerate(inputs)]
    if isinstance(config, list):
        if len(config) != len(inputs):
            raise InvalidInput("config", f"has {len(config)} entries for {len(inputs)} inputs")
        configs = [_check_config(each, f"config.{index}", served) for index, each in enumerate(config)]
    else:
        configs = [_check_config(config, "config", served)] * len(inputs)
    asked = tuple(_asked(each, hashed, title) for each, title in zip(configs, titles, strict=True))
    if len({each.thread_id for each in asked}) < len(asked):
        field = "config" if isinstance(config, list) else "config.configurable.thread_id"
        raise InvalidInput(field, "names one thread for several inputs; a thread takes one at a time")
    return asked


def _asked(config: _Config, hashed: str | None, title: str) -> Asked:
    return Asked(config.thread_id or hashed or new_id(), config.max_steps, config.on_busy, title)


def _check_input(value: Any, field: str, served: ServedGraph, limits: InputLimits) -> str:
    """Return the title of a thread that begins with the input."""
    if served.graph.takes_messages:
        return title_of(parse_input(value, field, limits))
    if value is None:  # to LangGraph it means: continue from where the thread stands
        raise InvalidInput(field, "must not be null")
    try:
        served.get_input_schema().model_validate(value)
    except ValidationError as error:
        raise InvalidInput.first_of(error.errors(include_input=False), field) from None
    return ""


def _check_filters(body: dict[str, Any]) -> None:
    """Check the filters of stream_log and stream_events."""
    for name in _FILTERS:
        value = body.get(name)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(each, str) for each in value)
        ):
            raise InvalidInput(name, "must be a list of strings")


def _check_config(config: Any, field: str, served: ServedGraph) -> _Config:
    """Return what the config asks of the server.

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
    on_busy = check_on_busy(configurable.get("on_busy") or "reject", f"{field}.configurable.on_busy")
    if thread_id == "":  # what the playground's form sends when nothing is typed
        return _Config(None, max_steps, on_busy)
    return _Config(check_thread_id(thread_id, f"{field}.configurable.thread_id"), max_steps, on_busy)


def _hashed_config(config_hash: str, served: ServedGraph) -> str | None:
    """Return the thread that the config in a /c/{hash}/ path names."""
    if not config_hash:
        return None
    try:
        config = json.loads(LZString.decompressFromEncodedURIComponent(config_hash) or "")  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, KeyError, IndexError, NameError):  # LZString has no error of its own
        raise BadRequest("the path's config hash can't be read") from None
    return _check_config(config, "config_hash", served).thread_id
