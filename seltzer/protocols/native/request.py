"""A body on the wire -> a RunSpec. Whatever is wrong with it is refused by its field."""

import re
import uuid
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import orjson
from langgraph.graph.state import CompiledStateGraph
from pydantic import PydanticUserError, TypeAdapter, ValidationError

from seltzer.errors import InvalidInput, NotInterrupted, UnknownRun
from seltzer.protocols.http.messages import InputLimits, parse_input, title_of
from seltzer.protocols.native.bodies import ResumeBody, StartBody
from seltzer.runs.event import RunId
from seltzer.runs.graph import Graph
from seltzer.runs.ids import new_id
from seltzer.runs.run import Run, RunSpec
from seltzer.runs.thread import check_thread_id

_SHOWN_CHARS: Final = 100
_OURS: Final = frozenset({"thread_id", "checkpoint_id", "checkpoint_ns"})
_KEYS: Final = uuid.UUID("5b0c1a34-6a0e-4e52-9c3e-0f6a35b1d7c9")  # the namespace of idempotency keys
_IDEMPOTENCY_KEY: Final = re.compile("[!-~]{1,255}")
_RUN_ID: Final = re.compile("[A-Za-z0-9-]{1,64}")


def start_spec(body: Any, graph: Graph, limits: InputLimits, key: str | None) -> RunSpec:
    """Return the run that the body asks for; key is the Idempotency-Key header."""
    asked = StartBody.parse(body)
    run_input, title = _input(asked.input, graph, limits)
    thread_id = _thread_id(asked)
    if asked.from_checkpoint and not thread_id:
        raise InvalidInput("thread_id", "is missing; from_checkpoint is one of a thread's")
    return RunSpec(
        graph=graph.name,
        input=run_input,
        thread_id=thread_id or new_id(),
        run_id=run_id_of(graph.name, key),
        max_steps=asked.config.recursion_limit,
        configurable=_configurable(asked.config.configurable, graph),
        on_busy=asked.on_busy,
        checkpoint_id=asked.from_checkpoint or None,
        digest=_digest("runs", body),
        title=title,
    )


def answer_spec(body: Any, run: Run, key: str | None) -> RunSpec:
    """Return the run that continues an interrupted one with the body's answers. Raises NotInterrupted."""
    answers = ResumeBody.parse(body)
    if run.status != "interrupted" or run.last is None:
        raise NotInterrupted(f"run {run.spec.run_id!r} isn't waiting for an answer; it is {run.status}")
    waiting = [each["id"] for each in run.last.data["interrupts"]]
    asked = run.spec
    return RunSpec(
        graph=asked.graph,
        input=None,
        thread_id=asked.thread_id,
        run_id=run_id_of(asked.graph, key),
        max_steps=asked.max_steps,
        configurable=asked.configurable,
        answers=_answers(answers, waiting),
        answered=asked.run_id,
        digest=_digest(f"resume {asked.run_id}", body),
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


def _input(value: Any, graph: Graph, limits: InputLimits) -> tuple[Any, str]:
    """Return the graph's input, and the title of a thread that begins with it."""
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
        raise InvalidInput.first_of(error.errors(include_input=False), "input") from None
    return value, ""


def _check_known(value: Mapping[str, Any], prefix: str, known: Iterable[str]) -> None:
    for key in value:
        if key not in known:
            reason = f"is not known; known: {', '.join(known) or 'none'}"
            raise InvalidInput(f"{prefix}{key[:_SHOWN_CHARS]}", reason)


def _thread_id(asked: StartBody) -> str:
    """Return the thread, named in either place; empty for a new one."""
    inner = asked.config.configurable.get("thread_id", "")
    if "thread_id" in asked.config.configurable:
        check_thread_id(inner, "config.configurable.thread_id")
    if asked.thread_id and inner and asked.thread_id != inner:
        raise InvalidInput("thread_id", "differs from config.configurable.thread_id")
    return asked.thread_id or inner


def _configurable(given: Mapping[str, Any], graph: Graph) -> dict[str, Any]:
    """Return what is configured, without the thread: only what the graph itself declares, and of its type."""
    specs = {spec.id: spec for spec in graph.served.config_specs if spec.id not in _OURS}
    _check_known(given, "config.configurable.", ["thread_id", *specs])
    values = {name: value for name, value in given.items() if name in specs}
    for name, value in values.items():
        try:
            TypeAdapter(specs[name].annotation).validate_python(value)
        except ValidationError as error:
            raise InvalidInput.first_of(error.errors(), f"config.configurable.{name}") from None
        except PydanticUserError:
            continue  # a type that no schema can describe: the graph's own to check
    return values


def _answers(body: ResumeBody, waiting: list[str]) -> dict[str, Any]:
    given = body.model_fields_set
    if "answers" not in given:
        return {_interrupt_id(body, waiting): body.resume}
    for name in ("resume", "interrupt_id"):
        if name in given:
            raise InvalidInput(name, "can't be given together with answers")
    for interrupt_id in body.answers:
        if interrupt_id not in waiting:
            raise InvalidInput(f"answers.{interrupt_id[:_SHOWN_CHARS]}", _choose(waiting))
    return body.answers


def _interrupt_id(body: ResumeBody, waiting: list[str]) -> str:
    """Return the interrupt that `resume` answers: the one it names, or the only one."""
    if "resume" not in body.model_fields_set:
        raise InvalidInput("resume", "is missing")
    if "interrupt_id" not in body.model_fields_set:
        if len(waiting) == 1:
            return waiting[0]
        raise InvalidInput("interrupt_id", f"is missing; the run asks several things: {', '.join(waiting)}")
    if body.interrupt_id not in waiting:
        raise InvalidInput("interrupt_id", _choose(waiting))
    return body.interrupt_id


def _choose(waiting: list[str]) -> str:
    return f"is none of the run's interrupts: {', '.join(waiting)}"


def _digest(what: str, body: Any) -> str:
    """Return a digest that is the same for equal bodies, however their keys are ordered."""
    canonical = orjson.dumps([what, body], option=orjson.OPT_SORT_KEYS)
    return blake2b(canonical, digest_size=16).hexdigest()
