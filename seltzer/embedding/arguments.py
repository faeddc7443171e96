"""The arguments of LangServe's add_routes: which are honoured, and why the others aren't."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from seltzer.protocols.http.bodies.modifier import ConfigModifier, Modify
from seltzer.protocols.langserve import RouteOptions

_NOT_HONOURED: Final = {
    "input_type": "declare it on the graph: StateGraph(.., input_schema=..), or runnable.with_types(..)",
    "output_type": "declare it on the graph: StateGraph(.., output_schema=..), or runnable.with_types(..)",
    "include_callback_events": "a run's steps are in {path}/runs/{id}/events and in /stream_events",
    "enable_feedback_endpoint": "there is no feedback endpoint; send feedback to LangSmith itself",
    "token_feedback_config": "there is no feedback endpoint; send feedback to LangSmith itself",
    "enable_public_trace_link_endpoint": "nothing is published; share a trace in LangSmith itself",
    "stream_log_name_allow_list": "filter by the request's include_names and exclude_names",
    "astream_events_version": "only v2 is served",
    "serializer": "the server's own takes anything, and escapes what clients can't read",
    "config_keys": "only ('configurable',) is passed: the server sets the rest of a config",
}
_DEFAULTS: Final[dict[str, Any]] = {
    "input_type": "auto",
    "output_type": "auto",
    "astream_events_version": "v2",
    "config_keys": ("configurable",),
}


def refuse(given: dict[str, Any]) -> None:
    """Raise TypeError for the first argument that isn't honoured and isn't at its default."""
    for name, value in given.items():
        default = _DEFAULTS.get(name)
        is_default = tuple(value) == default if isinstance(value, list) else value == default
        if name not in _NOT_HONOURED:
            raise TypeError(f"add_routes() has no argument {name!r}")
        if value is not None and value is not False and not is_default:
            raise TypeError(f"add_routes({name}=..) isn't honoured by Seltzer: {_NOT_HONOURED[name]}")


def check_path(path: str) -> str:
    """Return the path without a slash at its end. Raises ValueError if it can't be one."""
    if path and not path.startswith("/"):
        raise ValueError(f"the path {path!r} has to start with a slash, such as '/agent'")
    return path.rstrip("/")


def route_options(
    playground_type: Literal["default", "chat"],
    enabled_endpoints: Sequence[str] | None,
    disabled_endpoints: Sequence[str] | None,
    per_req_config_modifier: Modify | None,
) -> RouteOptions:
    """Return LangServe's arguments as options. Raises ValueError."""
    if playground_type not in ("default", "chat"):
        raise ValueError(f"playground_type is 'default' or 'chat', not {playground_type!r}")
    if enabled_endpoints is not None and disabled_endpoints is not None:
        raise ValueError("enabled_endpoints and disabled_endpoints can't both be given")
    modifier = ConfigModifier(per_req_config_modifier) if per_req_config_modifier else None
    return RouteOptions(playground_type, enabled_endpoints, disabled_endpoints, modifier)
