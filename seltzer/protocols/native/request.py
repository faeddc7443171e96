"""What a client asks for, on the wire -> a RunSpec. Everything wrong with it is refused by its field."""

import re
import uuid
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import orjson
from langgraph.graph.state import CompiledStateGraph
from pydantic import PydanticUserError, TypeAdapter, ValidationError

from seltzer.errors import InvalidInput, NotInterrupted, UnknownRun
from seltzer.protocols.http.messages import MessageLimits, parse_input, title_of
from seltzer.runs.event import RunId
from seltzer.runs.graph import Graph
from seltzer.runs.ids import new_id
from seltzer.runs.run import MAX_STEPS, Run, RunSpec, check_max_steps, check_on_busy, check_thread_id

_SHOWN_CHARS: Final = 100
_START_KEYS: Final = ("input", "thread_id", "config", "on_busy", "from_checkpoint")
_ANSWER_KEYS: Final = ("resume", "interrupt_id", "answers")
_CONFIG_KEYS: Final = ("configurable", "recursion_limit")
_OURS: Final = frozenset({"thread_id", "checkpoint_id", "checkpoint_ns"})
_KEYS: Final = uuid.UUID("5b0c1a34-6a0e-4e52-9c3e-0f6a35b1d7c9")  # the namespace of idempotency keys
_IDEMPOTENCY_KEY: Final = re.compile("[!-~]{1,255}")
_RUN_ID: Final = re.compile("[A-Za-z0-9-]{1,64}")
_CHECKPOINT_ID: Final = re.compile("[A-Za-z0-9_-]{1,64}")


def start_spec(body: Any, graph: Graph, limits: MessageLimits, key: str | None) -> RunSpec:
    """Return the run that the body asks for; key is the Idempotency-Key header."""
    fields = check_keys(body, _START_KEYS)
    run_input, title = _input(fields, graph, limits)
    config = fields.get("config", {})
    if not isinstance(config, dict):
        raise InvalidInput("config", "must be an object")
    _check_known(config, "config.", _CONFIG_KEYS)
    configurable = config.get("configurable", {})
    if not isinstance(configurable, dict):
        raise InvalidInput("config.configurable", "must be an object")
    thread_id = _thread_id(fields, configurable)
    checkpoint_id = None
    if "from_checkpoint" in fields:
        checkpoint_id = check_checkpoint_id(fields["from_checkpoint"], "from_checkpoint")
        if thread_id is None:
            raise InvalidInput("thread_id", "is missing; from_checkpoint is one of a thread's")
    return RunSpec(
        graph=graph.name,
        input=run_input,
        thread_id=thread_id or new_id(),
        run_id=run_id_of(graph.name, key),
        max_steps=check_max_steps(config.get("recursion_limit", MAX_STEPS), "config.recursion_limit"),
        configurable=_configurable(configurable, graph),
        on_busy=check_on_busy(fields.get("on_busy", "reject"), "on_busy"),
        checkpoint_id=checkpoint_id,
        digest=_digest("runs", fields),
        title=title,
    )


def answer_spec(body: Any, run: Run, key: str | None) -> RunSpec:
    """Return the run that goes on from an interrupted one with the body's answers. Raises NotInterrupted."""
    fields = check_keys(body, _ANSWER_KEYS)
    if run.status != "interrupted" or run.last is None:
        raise NotInterrupted(f"run {run.spec.run_id!r} doesn't wait for an answer; it is {run.status}")
    waiting = [each["id"] for each in run.last.data["interrupts"]]
    asked = run.spec
    return RunSpec(
        graph=asked.graph,
        input=None,
        thread_id=asked.thread_id,
        run_id=run_id_of(asked.graph, key),
        max_steps=asked.max_steps,
        configurable=asked.configurable,
        answers=_answers(fields, waiting),
        answered=asked.run_id,
        digest=_digest(f"resume {asked.run_id}", fields),
    )


def run_id_of(graph: str, key: str | None) -> RunId:
    """Return the id of the run that the Idempotency-Key names; a new one without a key."""
    if key is None:
        return new_id()
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidInput("Idempotency-Key", "must be 1 to 255 printable ASCII characters without a space")
    return str(uuid.uuid5(_KEYS, f"{graph} {key}"))


def check_run_id(value: str) -> RunId:
    """Return the value if it can name a run. Raises UnknownRun."""
    if _RUN_ID.fullmatch(value):
        return value
    raise UnknownRun(f"there is no run {value[:_SHOWN_CHARS]!r}")


def check_checkpoint_id(value: object, field: str) -> str:
    """Return the value if it can name a checkpoint. Raises InvalidInput naming the field."""
    if isinstance(value, str) and _CHECKPOINT_ID.fullmatch(value):
        return value
    raise InvalidInput(field, "must be the id of a checkpoint, as the thread's history has it")


def check_keys(body: Any, known: Iterable[str]) -> dict[str, Any]:
    """Return the body if it is an object of known fields. Raises InvalidInput naming the field."""
    if not isinstance(body, dict):
        raise InvalidInput("body", "must be an object")
    _check_known(body, "", known)
    return body


def _check_known(value: Mapping[str, Any], prefix: str, known: Iterable[str]) -> None:
    for key in value:
        if key not in known:
            raise InvalidInput(
                f"{prefix}{key[:_SHOWN_CHARS]}", f"is not known; known: {', '.join(known) or 'none'}"
            )


def _input(fields: Mapping[str, Any], graph: Graph, limits: MessageLimits) -> tuple[Any, str]:
    """Return the graph's input, and what a thread that begins with it is called."""
    if "input" not in fields:
        raise InvalidInput("input", "is missing")
    value = fields["input"]
    if value is None:
        raise InvalidInput("input", "must not be null")
    if isinstance(value, dict) and isinstance(graph.pregel, CompiledStateGraph):
        builder = graph.pregel.builder
        _check_known(value, "input.", list(builder.schemas[builder.input_schema]))
    if graph.takes_messages:
        messages = parse_input(value, "input", limits)
        for message in messages:
            message.id = message.id or new_id()  # a retry that sends it again adds it only once
        rest = value if isinstance(value, dict) else {}
        return {**rest, "messages": messages}, title_of(messages)
    try:
        TypeAdapter(graph.input_schema).validate_python(value)
    except ValidationError as error:
        raise _refused("input", error) from None
    return value, ""


def _refused(field: str, error: ValidationError) -> InvalidInput:
    first = error.errors(include_input=False)[0]
    path = ".".join([field, *(str(part) for part in first["loc"] if part != "root")])
    return InvalidInput(path[: 2 * _SHOWN_CHARS], first["msg"])


def _thread_id(fields: Mapping[str, Any], configurable: Mapping[str, Any]) -> str | None:
    """Return the thread, named in either place; None for a new one."""
    places = (("thread_id", fields), ("config.configurable.thread_id", configurable))
    named = [check_thread_id(held["thread_id"], field) for field, held in places if "thread_id" in held]
    if len(set(named)) > 1:
        raise InvalidInput("thread_id", "differs from config.configurable.thread_id")
    return named[0] if named else None


def _configurable(given: Mapping[str, Any], graph: Graph) -> dict[str, Any]:
    """Return what is configured, without the thread: only what the graph itself declares, and of its type."""
    specs = {spec.id: spec for spec in graph.served.config_specs if spec.id not in _OURS}
    _check_known(given, "config.configurable.", ["thread_id", *specs])
    values = {name: value for name, value in given.items() if name in specs}
    for name, value in values.items():
        try:
            TypeAdapter(specs[name].annotation).validate_python(value)
        except ValidationError as error:
            raise _refused(f"config.configurable.{name}", error) from None
        except PydanticUserError:
            continue  # a type that no schema can describe: the graph's own to check
    return values


def _answers(fields: Mapping[str, Any], waiting: list[str]) -> dict[str, Any]:
    if "answers" not in fields:
        return {_interrupt_id(fields, waiting): fields["resume"]}
    for name in ("resume", "interrupt_id"):
        if name in fields:
            raise InvalidInput(name, "can't be given together with answers")
    answers = fields["answers"]
    if not isinstance(answers, dict) or not answers:
        raise InvalidInput("answers", "must be an object of answers by their interrupt's id")
    for interrupt_id in answers:
        if interrupt_id not in waiting:
            raise InvalidInput(f"answers.{interrupt_id[:_SHOWN_CHARS]}", _choose(waiting))
    return answers


def _interrupt_id(fields: Mapping[str, Any], waiting: list[str]) -> str:
    """Return the interrupt that `resume` answers: the one it names, or the only one."""
    if "resume" not in fields:
        raise InvalidInput("resume", "is missing")
    if "interrupt_id" not in fields:
        if len(waiting) == 1:
            return waiting[0]
        raise InvalidInput("interrupt_id", f"is missing; the run asks several things: {', '.join(waiting)}")
    interrupt_id = fields["interrupt_id"]
    if not isinstance(interrupt_id, str) or interrupt_id not in waiting:
        raise InvalidInput("interrupt_id", _choose(waiting))
    return interrupt_id


def _choose(waiting: list[str]) -> str:
    return f"is none of the run's interrupts: {', '.join(waiting)}"


def _digest(what: str, body: Any) -> str:
    """Return what tells this body from another, however its keys are ordered."""
    canonical = orjson.dumps([what, body], option=orjson.OPT_SORT_KEYS)
    return blake2b(canonical, digest_size=16).hexdigest()
