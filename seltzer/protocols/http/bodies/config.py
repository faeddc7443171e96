"""What a request sets of a run besides its input: checked once, for every protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from seltzer.errors import InvalidInput
from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.http.bodies.models import Config
from seltzer.protocols.http.bodies.modifier import OURS
from seltzer.runs.graph import Graph
from seltzer.runs.run import Labels, check_max_steps
from seltzer.runs.thread import check_thread_id

_SHOWN_CHARS: Final = 100
_OF_CHECKPOINTS: Final = frozenset({"checkpoint_id", "checkpoint_ns", "checkpoint_map"})
_USER: Final = "langgraph_auth_"  # how LangGraph's server names the user


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a run gets besides its input, as RunSpec has it."""

    max_steps: int = 0
    configurable: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] | None = None
    labels: Labels = field(default_factory=Labels)


def check_config(config: Config, graph: Graph, limits: InputLimits) -> RunConfig:
    """Return the options of a body's `config`, without the thread. Raises InvalidInput naming the field."""
    place = "config.configurable"
    if "on_busy" in config.configurable:
        raise InvalidInput(f"{place}.on_busy", "is a field of the body here")
    steps = config.recursion_limit
    if "recursion_limit" in config.model_fields_set:
        check_max_steps(steps, "config.recursion_limit", limits.steps)
    labels = check_labels(config.model_dump(), "config")
    return RunConfig(steps, check_configurable(config.configurable, place, graph), None, labels)


def check_thread(thread_id: str, config: Config) -> str:
    """Return the thread that a body names, in either place; empty for a new one."""
    inner = config.configurable.get("thread_id", "")
    if "thread_id" in config.configurable:
        check_thread_id(inner, "config.configurable.thread_id")
    if thread_id and inner and thread_id != inner:
        raise InvalidInput("thread_id", "differs from config.configurable.thread_id")
    return thread_id or str(inner)


def check_configurable(given: Mapping[str, Any], place: str, graph: Graph) -> dict[str, Any]:
    """Return what is configured besides the server's own thread_id and on_busy.

    Whatever a graph reads from its config is passed, declared or not; what it declares, of its type.
    Raises InvalidInput for a key that the server or LangGraph sets itself.
    """
    declared = {spec.id: spec.annotation for spec in graph.served.config_specs}
    values = {key: value for key, value in given.items() if key not in OURS - _OF_CHECKPOINTS}
    for key, value in values.items():
        name = f"{place}.{key[:_SHOWN_CHARS]}"
        if key.startswith("__") or key in _OF_CHECKPOINTS:
            raise InvalidInput(name, "is set by the server; a request can't set it")
        if key.startswith(_USER):
            raise InvalidInput(name, "names the user, which only the server's authentication does")
        if key in declared:
            _check_type(value, declared[key], name)
    return values


def check_context(value: Any, place: str, graph: Graph) -> Mapping[str, Any] | None:
    """Return the value if it is a valid context of the graph; None is one that is left out.

    Raises InvalidInput naming the field.
    """
    problem = graph.schemas.context_problem(value)
    if problem is not None:
        raise InvalidInput(_joined(place, problem[0]), problem[1])
    checked: Mapping[str, Any] | None = value
    return checked


def check_labels(config: Mapping[str, Any], place: str) -> Labels:
    """Return a config's tags, metadata and run_name. Raises InvalidInput naming the field."""
    tags, metadata, name = config.get("tags"), config.get("metadata"), config.get("run_name")
    tags, metadata, name = tags or [], {} if metadata is None else metadata, name or ""
    if not (isinstance(tags, list) and all(isinstance(each, str) for each in tags)):
        raise InvalidInput(f"{place}.tags", "must be a list of strings")
    if not isinstance(metadata, dict):
        raise InvalidInput(f"{place}.metadata", "must be an object")
    for key in metadata:
        if key.startswith("__"):
            raise InvalidInput(f"{place}.metadata.{key[:_SHOWN_CHARS]}", "is set by the server")
    if not isinstance(name, str):
        raise InvalidInput(f"{place}.run_name", "must be a string")
    return Labels(tuple(tags), metadata, name)


def _check_type(value: Any, kind: Any, name: str) -> None:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise InvalidInput.first_of(error.errors(include_input=False), name) from None
    except PydanticUserError:
        return  # a type that no schema can describe: the graph's own to check


def _joined(place: str, path: str) -> str:
    return f"{place}.{path[:_SHOWN_CHARS]}" if path else place
