"""LangServe's request bodies, checked before LangServe sees them: it answers 500 to much of what is wrong
with them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.runnables.config import DEFAULT_RECURSION_LIMIT
from langserve.lzstring import LZString

from seltzer.errors import BadRequest, InvalidInput
from seltzer.protocols.http.bodies.config import RunConfig, check_configurable, check_context, check_labels
from seltzer.protocols.http.bodies.inputs import parse_run_input
from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.langserve.run_request import EventForm, RunRequest
from seltzer.protocols.langserve.served import ServedGraph
from seltzer.runs.graph import Graph
from seltzer.runs.ids import new_id
from seltzer.runs.run import OnBusy, check_max_steps, check_on_busy
from seltzer.runs.thread import check_thread_id

_HASH: Final = "config_hash"  # what errors call the config in a path
_FILTERS: Final = tuple(
    f"{verb}_{noun}" for verb in ("include", "exclude") for noun in ("names", "types", "tags")
)
_KEYS: Final = frozenset({"input", "inputs", "config", "kwargs", "diff", "version", *_FILTERS})


@dataclass(frozen=True, slots=True)
class _Config:
    """A config's options; thread_id is None for a new one."""

    thread_id: str | None
    on_busy: OnBusy
    run: RunConfig


def check(
    endpoint: str, body: Any, config_hash: str, served: ServedGraph, limits: InputLimits
) -> tuple[RunRequest, ...]:
    """Return the requested runs, one an input. Raises BadRequest, and InvalidInput naming the field."""
    if not isinstance(body, dict):
        raise InvalidInput("body", "must be an object")
    for key in body:
        if key not in _KEYS:
            raise InvalidInput(key[:100], "is not known; a thread is named by config.configurable.thread_id")
    _check_kwargs(endpoint, body.get("kwargs"))
    hashed = _hashed_config(config_hash, served.graph, limits)
    if endpoint == "batch":
        return _check_batch(body, hashed, served.graph, limits)
    if "input" not in body:
        raise InvalidInput("input", "is missing")
    input = parse_run_input(body["input"], "input", served.graph, limits)
    _check_filters(body)
    config = _check_config(body.get("config"), hashed, "config", served.graph, limits)
    return (_run_request(config, input),)


def filled_in(body: Any) -> Any:
    """Return the body of a playground's form as other clients send it: without a thread that isn't named."""
    if not isinstance(body, dict) or "config" not in body:
        return body
    return {**body, "config": _without_empty_thread(body["config"])}


def _without_empty_thread(config: Any) -> Any:
    configurable = config.get("configurable") if isinstance(config, dict) else None
    if not isinstance(configurable, dict) or configurable.get("thread_id") != "":
        return config
    named = {key: value for key, value in configurable.items() if key != "thread_id"}
    return {**config, "configurable": named}


def event_form(body: dict[str, Any]) -> EventForm:
    """Return the form of events or log that a checked body requests."""
    kwargs = body.get("kwargs") or {}
    if not isinstance(kwargs, dict):
        return EventForm()
    return EventForm(kwargs.get("version", "v2"), shows_whole_log=kwargs.get("diff") is False)


def readable(body: dict[str, Any]) -> dict[str, Any]:
    """Return a checked body as LangServe can read it: it fails on null, and knows no kwargs.

    The config is omitted: LangServe would drop what no schema declares, and the runs have all of it already.
    """
    omitted = ("config", "kwargs")
    return {key: value for key, value in body.items() if value is not None and key not in omitted}


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
    body: dict[str, Any], hashed: dict[str, Any], graph: Graph, limits: InputLimits
) -> tuple[RunRequest, ...]:
    inputs, config = body.get("inputs"), body.get("config")
    if not isinstance(inputs, list):
        raise InvalidInput("inputs", "is missing" if inputs is None else "must be a list of inputs")
    if len(inputs) > limits.batch:
        raise InvalidInput("inputs", f"has {len(inputs)} inputs; at most {limits.batch}")
    parsed = [parse_run_input(each, f"inputs.{index}", graph, limits) for index, each in enumerate(inputs)]
    if isinstance(config, list):
        if len(config) != len(inputs):
            raise InvalidInput("config", f"has {len(config)} entries for {len(inputs)} inputs")
        configs = [
            _check_config(each, hashed, f"config.{index}", graph, limits) for index, each in enumerate(config)
        ]
    else:
        configs = [_check_config(config, hashed, "config", graph, limits)] * len(inputs)
    requested = tuple(_run_request(each, input) for each, input in zip(configs, parsed, strict=True))
    if len({each.thread_id for each in requested}) < len(requested):
        field = "config" if isinstance(config, list) else "config.configurable.thread_id"
        raise InvalidInput(field, "names one thread for several inputs; a thread has one run at a time")
    return requested


def _run_request(config: _Config, parsed: tuple[Any, str]) -> RunRequest:
    input, title = parsed
    return RunRequest(config.thread_id or new_id(), config.on_busy, title, input, config.run)


def _check_filters(body: dict[str, Any]) -> None:
    """Check the filters of stream_log and stream_events."""
    for name in _FILTERS:
        value = body.get(name)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(each, str) for each in value)
        ):
            raise InvalidInput(name, "must be a list of strings")


def _check_config(
    config: Any, hashed: dict[str, Any], place: str, graph: Graph, limits: InputLimits
) -> _Config:
    """Return the config's options; they override those of the path's hash."""
    if config is None:
        config = {}
    if not isinstance(config, dict):
        raise InvalidInput(place, "must be an object")
    given = {} if config.get("configurable") is None else config["configurable"]
    if not isinstance(given, dict):
        raise InvalidInput(f"{place}.configurable", "must be an object")
    below = hashed.get("configurable") or {}
    config = {**hashed, **{key: value for key, value in config.items() if value is not None}}
    configurable = {**below, **given}
    field = f"{place}.configurable"
    on_busy = check_on_busy(configurable.get("on_busy") or "reject", f"{field}.on_busy")
    run = RunConfig(
        _check_steps(config.get("recursion_limit"), f"{place}.recursion_limit", limits),
        check_configurable(configurable, field, graph),
        _check_context(config.get("context"), configurable, place, graph),
        check_labels(config, place),
    )
    if "thread_id" not in configurable:
        return _Config(None, on_busy, run)
    return _Config(check_thread_id(configurable["thread_id"], f"{field}.thread_id"), on_busy, run)


def _check_steps(value: Any, place: str, limits: InputLimits) -> int:
    """Return the requested step limit; 0 if there is none.

    LangChain's clients send its default where their user has set none.
    """
    if value is None:
        return 0
    steps = check_max_steps(value, place, limits.steps)
    return 0 if steps == DEFAULT_RECURSION_LIMIT else steps


def _check_context(
    context: Any, configurable: Mapping[str, Any], place: str, graph: Graph
) -> Mapping[str, Any] | None:
    """Return the graph's context: `configurable` has its keys, over these those of `context` count."""
    chosen = {key: configurable[key] for key in graph.schemas.context_keys if key in configurable}
    if context is None and not chosen:
        # What the path's hash leaves out, the body may have.
        return None if place == _HASH else check_context(None, f"{place}.context", graph)
    if context is not None and not isinstance(context, dict):
        raise InvalidInput(f"{place}.context", "must be an object")
    in_context = graph.schemas.context_problem({**chosen, **(context or {})})
    if in_context is not None:
        key = in_context[0].partition(".")[0]
        where = "configurable" if key in chosen and key not in (context or {}) else "context"
        raise InvalidInput(".".join(filter(None, (place, where, in_context[0][:100]))), in_context[1])
    return {**chosen, **(context or {})}


def _hashed_config(config_hash: str, graph: Graph, limits: InputLimits) -> dict[str, Any]:
    """Return the config that is in a /c/{hash}/ path, checked."""
    if not config_hash:
        return {}
    try:
        config = json.loads(LZString.decompressFromEncodedURIComponent(config_hash) or "")  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, KeyError, IndexError, NameError):  # LZString has no error of its own
        raise BadRequest("the path's config hash can't be read") from None
    config = _without_empty_thread(config)
    _check_config(config, {}, _HASH, graph, limits)
    return config or {}
