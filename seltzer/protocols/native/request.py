"""A body on the wire -> a RunSpec. Whatever is wrong with it is refused by its field."""

import re
import uuid
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import orjson

from seltzer.errors import InvalidInput, NotInterrupted, UnknownRun
from seltzer.protocols.http.bodies.config import check_config, check_context, check_thread
from seltzer.protocols.http.bodies.inputs import parse_run_input
from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.native.bodies import ResumeBody, StartBody
from seltzer.runs.edits.edits import EditId
from seltzer.runs.event import RunId
from seltzer.runs.graph import Graph
from seltzer.runs.ids import new_id
from seltzer.runs.run import DEFAULT_OWNER, Owner, Run, RunSpec

_SHOWN_CHARS: Final = 100
_KEYS: Final = uuid.UUID("5b0c1a34-6a0e-4e52-9c3e-0f6a35b1d7c9")  # the namespace of idempotency keys
_IDEMPOTENCY_KEY: Final = re.compile("[!-~]{1,255}")
_RUN_ID: Final = re.compile("[A-Za-z0-9-]{1,64}")


def start_spec(body: Any, graph: Graph, limits: InputLimits, key: str | None) -> RunSpec:
    """Return the run that the body requests; key is the Idempotency-Key header."""
    asked = StartBody.parse(body)
    run_input, title = (
        (None, "") if asked.input is None else parse_run_input(asked.input, "input", graph, limits)
    )
    thread_id = check_thread(asked.thread_id, asked.config)
    config = check_config(asked.config, graph, limits)
    if asked.from_checkpoint and not thread_id:
        raise InvalidInput("thread_id", "is missing; from_checkpoint is one of a thread's")
    if asked.from_message and not thread_id:
        raise InvalidInput("thread_id", "is missing; from_message is one of a thread's")
    if asked.from_message and asked.from_checkpoint:
        raise InvalidInput("from_message", "can't be given together with from_checkpoint")
    if run_input is None and not thread_id:
        raise InvalidInput("input", "is missing; only a thread's last question can be answered without one")
    if run_input is None and asked.on_busy == "rollback":
        raise InvalidInput("on_busy", "can't be rollback without an input, as the question would go, too")
    return RunSpec(
        graph=graph.name,
        input=run_input,
        thread_id=thread_id or new_id(),
        run_id=run_id_of(graph.name, key),
        max_steps=config.max_steps,
        configurable=config.configurable,
        context=_context(asked, graph),
        labels=config.labels,
        on_busy=asked.on_busy,
        checkpoint_id=asked.from_checkpoint or None,
        from_message=_from_message(asked),
        digest=_digest("runs", body),
        title=title,
    )


def _from_message(asked: StartBody) -> str | None:
    """Return which message's turn the run begins with: without an input, the newest turn's."""
    if asked.from_message or asked.from_checkpoint or asked.input is not None:
        return asked.from_message or None
    return ""


def answer_spec(body: Any, run: Run, graph: Graph, key: str | None) -> RunSpec:
    """Return the run that continues an interrupted one with the body's answers. Raises NotInterrupted.

    It has the interrupted run's options, but for a context of its own.
    """
    answers = ResumeBody.parse(body)
    if run.status != "interrupted" or run.last is None:
        raise NotInterrupted(f"run {run.spec.run_id!r} isn't waiting for an answer; it is {run.status}")
    waiting = [each["id"] for each in run.last.data["interrupts"]]
    asked = run.spec
    return RunSpec(
        graph=asked.graph,
        input=None,
        thread_id=asked.thread_id,
        run_id=run_id_of(asked.graph, key, asked.owner),
        max_steps=asked.max_steps,
        configurable=asked.configurable,
        context=_context(answers, graph) if "context" in answers.model_fields_set else asked.context,
        labels=asked.labels,
        answers=_answers(answers, waiting),
        answered=asked.run_id,
        digest=_digest(f"resume {asked.run_id}", body),
        owner=asked.owner,
    )


def run_id_of(graph: str, key: str | None, owner: Owner = DEFAULT_OWNER) -> RunId:
    """Return the id of the run that the owner's Idempotency-Key names; a new one without a key."""
    if key is None:
        return new_id()
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidInput("Idempotency-Key", "must be 1 to 255 printable ASCII characters without a space")
    named = f"{graph} {key}" if owner == DEFAULT_OWNER else f"{owner}\n{graph} {key}"
    return str(uuid.uuid5(_KEYS, named))


def edit_id(what: str, body: Any, graph: Graph, key: str | None, owner: Owner = DEFAULT_OWNER) -> EditId:
    """Return what identifies an edit; with a key, the same one when it is requested again."""
    return EditId(run_id_of(graph.name, key, owner), _digest(what, body) if key is not None else "")


def check_run_id(value: str) -> RunId:
    """Return the value if it can name a run. Raises UnknownRun."""
    if _RUN_ID.fullmatch(value):
        return value
    raise UnknownRun(f"there is no run {value[:_SHOWN_CHARS]!r}")


def _context(body: StartBody | ResumeBody, graph: Graph) -> Mapping[str, Any] | None:
    given = body.context if "context" in body.model_fields_set else None
    return check_context(given, "context", graph)


def _answers(body: ResumeBody, waiting: list[str]) -> dict[str, Any]:
    given = body.model_fields_set
    if not waiting:  # it has paused at a breakpoint, without a question
        return _no_answers(body)
    if "answers" not in given:
        return {_interrupt_id(body, waiting): body.resume}
    for name in ("resume", "interrupt_id"):
        if name in given:
            raise InvalidInput(name, "can't be given together with answers")
    for interrupt_id in body.answers:
        if interrupt_id not in waiting:
            raise InvalidInput(f"answers.{interrupt_id[:_SHOWN_CHARS]}", _choose(waiting))
    return body.answers


def _no_answers(body: ResumeBody) -> dict[str, Any]:
    """Return that a run at a breakpoint continues; it accepts no answer."""
    for name in body.model_fields_set - {"context"}:
        if name != "resume" or body.resume is not None:
            raise InvalidInput(name, "isn't asked for: the run has paused at a breakpoint; resume it by null")
    if "resume" not in body.model_fields_set:
        raise InvalidInput("resume", "is missing; the run has paused at a breakpoint: resume it by null")
    return {}


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
