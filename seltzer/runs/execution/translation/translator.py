"""LangGraph's stream parts -> the events of a run. The only reader of LangGraph's shapes.

Reads parts `(namespace, mode, value)`, as of `graph.astream(subgraphs=True)`; graph_stream.py has them.
It is long for a module, as there is a reader for each of LangGraph's modes, and all share one state.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.messages.ai import UsageMetadata, add_usage

from seltzer.runs.event import Json, Kind
from seltzer.runs.execution.driver.graph_stream import Namespace
from seltzer.runs.execution.translation.answer_shape import AnswerShape
from seltzer.runs.execution.translation.candidates import Candidate, Candidates
from seltzer.runs.execution.translation.state_answer import STRUCTURED, StateAnswer, Turn
from seltzer.runs.jsonable import to_json
from seltzer.runs.messages.answer import AGAIN
from seltzer.runs.messages.spellings import ai_messages, raw_text_of
from seltzer.runs.messages.thinking import reasoning_of
from seltzer.runs.text import clean

_INTERRUPT: Final = "__interrupt__"
_METADATA: Final = "__metadata__"  # marks a node's update as a cached one
_OWN_ID: Final = "lc_"  # what LangChain calls a message begins so, until its provider has named it


class Emission(NamedTuple):
    """An event before the engine numbers it."""

    kind: Kind
    data: Json


class Translator:
    """Follows one attempt of a run.

    values is the graph's newest state (what `ainvoke` would return), usage the sum over all model calls,
    interrupts are the graph's questions before it paused; is_interrupted, whether it has paused: at a static
    breakpoint there are none.
    """

    def __init__(self, shape: AnswerShape) -> None:
        self._messages: dict[str, Candidate] = {}
        self._candidates = Candidates(shape)
        self._output = shape.output
        self._turn = Turn(shape.output)
        self._streamed: dict[int, tuple[Mapping[str, Any], Candidate]] = {}  # by their metadata's identity
        self.values: Any = None
        self.usage: UsageMetadata | None = None
        self.interrupts: Json = []
        self.is_interrupted = False

    @property
    def returned(self) -> Json:
        """What the graph has returned; where that is messages, the answer's text."""
        answer = self._candidates.declared_text() or self._turn.answer(self.values).text
        return self._output.json(self.values, answer)

    def continue_from(self, values: Any) -> None:
        """Set the state of an earlier attempt; its last message may be the complete answer."""
        self._turn.begin(values)
        self.values = values

    def set_structured(self) -> None:
        """Note that the turn has set a structured response before this attempt."""
        self._turn.has_structured = True

    def feed(self, namespace: Namespace, mode: str, value: Any) -> Iterable[Emission]:
        """Return the part's events, in order."""
        if mode == "texts":
            return self._more(*value)
        if mode == "messages":
            message, metadata = value
            candidate = self._messages.get(message.id)
            if candidate is not None and candidate.opening is None and _is_only_text(message):
                return (self._token(candidate, clean(message.content)),)
            if isinstance(message, AIMessage):
                return self._ai(message, namespace, metadata)
            return (_tool_result(message),) if isinstance(message, ToolMessage) else ()
        if mode == "updates":
            return self._updates(namespace, value)
        if mode == "custom":
            return (Emission("custom", {"value": to_json(value)}),)
        return () if namespace else self._step_ended(value)

    def finish(self) -> Iterator[Emission]:
        """Return the last events of a run whose graph has ended: its answer, if no model has streamed it.

        It was cached, returned as plain data, made by a tool, or rewritten by its node. Raises what a call
        means that can't be run, if the run ends with one: a graph that only looks for calls ends there.
        """
        if not self.is_interrupted:
            self._turn.check_end(self.values)
        answer = self._turn.answer(self.values)
        if self.is_interrupted or not answer.text:
            return
        is_published, others = self._candidates.end(answer, _is_same)
        yield from map(_retracted, others)
        if not is_published:
            message_id = answer.message_id or "answer"
            if message_id in self._messages:  # it was a step
                message_id = f"{message_id}{AGAIN}"
            candidate = Candidate(message_id, (), "", "answer")
            candidate.is_held = True
            yield Emission("message", _head(candidate, {}))
            yield self._token(candidate, answer.text)

    def _more(self, message_id: str, texts: Sequence[str]) -> Sequence[Emission]:
        """Return more of a message that has begun."""
        candidate = self._messages[message_id]
        if candidate.opening is not None:
            return [each for text in texts for each in self._text(candidate, clean(text))]
        return [self._token(candidate, clean(text)) for text in texts if text]

    def _ai(
        self, message: AIMessage, namespace: Namespace, metadata: Mapping[str, Any]
    ) -> Iterator[Emission]:
        candidate = self._messages.get(message.id or "") or self._renamed(message, metadata)
        if candidate is None:
            namespace = _of_the_graph(namespace, metadata)
            if self._candidates.repeats(message, namespace, metadata.get("langgraph_node", "")):
                return
            candidate, replaced = self._candidates.begin(
                message, namespace, metadata, has_answer=self._turn.has_structured
            )
            self._begin(candidate, message, metadata)
            yield from map(_retracted, replaced)
            yield Emission("message", _head(candidate, metadata))
        if getattr(message, "chunk_position", "last") == "last":
            candidate.is_whole = True
        if message.usage_metadata:
            self.usage = add_usage(self.usage, message.usage_metadata)
        if reasoning := reasoning_of(message):
            yield _reasoning(candidate, reasoning)
        for call in candidate.calls.read(message, candidate.message_id):
            if self._candidates.call_tool(candidate) and candidate.text:
                yield _retracted(candidate)
            yield Emission("tool_call", call)
        yield from self._text(candidate, raw_text_of(message))

    def _begin(self, candidate: Candidate, message: AIMessage, metadata: Mapping[str, Any]) -> None:
        self._messages[candidate.message_id] = candidate
        if isinstance(message, AIMessageChunk):
            self._streamed[id(metadata)] = metadata, candidate

    def _renamed(self, message: AIMessage, metadata: Mapping[str, Any]) -> Candidate | None:
        """Return the message that the chunk continues under another id, if it does.

        A provider may name a message in one chunk alone; LangChain gives the others an id of its own. The
        chunks of one call come with one object of metadata.
        """
        _, candidate = self._streamed.get(id(metadata), (None, None))
        if candidate is None or candidate.is_whole or not isinstance(message, AIMessageChunk):
            return None
        message_id = message.id or ""
        if not message_id or (message_id.startswith(_OWN_ID) and candidate.message_id.startswith(_OWN_ID)):
            return None  # of several prompts in one call
        self._messages[message_id] = candidate
        return candidate

    def _text(self, candidate: Candidate, text: str) -> Iterator[Emission]:
        """Return the text's events; at its beginning it may be thinking in tags."""
        if candidate.opening is None:
            if text:
                yield self._token(candidate, text)
            return
        for kind, piece in candidate.opening.read(text, is_last=candidate.is_whole):
            yield _reasoning(candidate, piece) if kind == "reasoning" else self._token(candidate, piece)
        if candidate.opening.is_over:
            candidate.opening = None

    @staticmethod
    def _token(candidate: Candidate, text: str) -> Emission:
        candidate.parts.append(text)
        return Emission(
            "token", {"message_id": candidate.message_id, "text": text, "channel": candidate.channel}
        )

    def _step_ended(self, values: Any) -> Iterable[Emission]:
        self._turn.begin(values)
        self.values = values
        gone = self._candidates.step_ended(lambda: ai_messages(self._turn.messages(values)))
        return [_retracted(each) for each in gone if each.text]

    def _updates(self, namespace: Namespace, value: Mapping[str, Any]) -> Iterator[Emission]:
        for node, update in value.items():
            yield from self._update(namespace, node, update)

    def _update(self, namespace: Namespace, node: str, update: Any) -> Iterator[Emission]:
        if node == _METADATA:
            return
        if node == _INTERRUPT:
            yield from self._interrupt(update)
            return
        yield Emission("update", {"node": node, "namespace": list(namespace), "values": to_json(update)})
        if not namespace and _sets_structured(update):
            self._turn.has_structured = True
        yield from (_retracted(each) for each in self._candidates.node_ended(namespace, node, update))

    def _interrupt(self, update: Any) -> Iterator[Emission]:
        self.is_interrupted = True
        known = {each["id"] for each in self.interrupts}  # parallel nodes interrupt in updates of their own
        asked = [{"id": each.id, "value": to_json(each.value)} for each in update if each.id not in known]
        self.interrupts = [*self.interrupts, *asked]
        if asked:
            yield Emission("interrupt", {"interrupts": asked})


def _of_the_graph(namespace: Namespace, metadata: Mapping[str, Any]) -> Namespace:
    """Return the namespace of the graph that a message's task belongs to, as its updates have it.

    A task of the functional API is called by a node, or by another task; older LangGraphs count its callers
    as graphs around it. The path of a call is `(.., path of its caller, number, True)`.
    """
    path, calls = metadata.get("langgraph_path", ()), 0
    while len(path) == 4 and isinstance(path[1], tuple) and path[3] is True:
        path, calls = path[1], calls + 1
    if not calls:
        return namespace
    return namespace[: metadata["langgraph_checkpoint_ns"].count("|") - calls]


def _is_only_text(message: Any) -> bool:
    """Recognize the most frequent of all parts, for which most of _ai() is beside the point."""
    return (
        type(message) is AIMessageChunk
        and type(message.content) is str
        and message.content != ""
        and not (message.tool_call_chunks or message.usage_metadata or message.additional_kwargs)
        and not message.chunk_position
    )


def _is_same(candidate: str, answer: StateAnswer) -> bool:
    """Return whether the candidate's text is the answer, or JSON of the same value."""
    if candidate == answer.text.strip():
        return True
    if answer.message_id is not None or not candidate.startswith(("{", "[")):
        return False
    try:
        return bool(json.loads(candidate) == json.loads(answer.text))
    except ValueError:
        return False


def _sets_structured(update: Any) -> bool:
    parts = update if isinstance(update, list | tuple) else (update,)
    return any(isinstance(each, Mapping) and each.get(STRUCTURED) is not None for each in parts)


def _reasoning(candidate: Candidate, text: str) -> Emission:
    return Emission("reasoning", {"message_id": candidate.message_id, "text": text})


def _retracted(candidate: Candidate) -> Emission:
    return Emission("retracted", {"message_id": candidate.message_id})


def _head(candidate: Candidate, metadata: Mapping[str, Any]) -> Json:
    return {
        "message_id": candidate.message_id,
        "node": candidate.node,
        "namespace": list(candidate.namespace),
        "model": metadata.get("ls_model_name"),
        "held": candidate.is_held,
    }


def _tool_result(message: ToolMessage) -> Emission:
    return Emission(
        "tool_result",
        {
            "call_id": message.tool_call_id,
            "name": message.name,
            "content": to_json(message.content),
            "status": message.status,
        },
    )
