"""Which of the messages of a run may be its answer (docs/decisions/0010).

A message is a candidate until something shows that it isn't the answer: a tool call in it, its node, which
doesn't put it into the state's messages, or a later message that the state keeps.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, AIMessageChunk

from seltzer.runs.execution.driver.graph_stream import Namespace
from seltzer.runs.execution.translation.answer_shape import AnswerShape, Path
from seltzer.runs.execution.translation.parallel_calls import PARALLEL
from seltzer.runs.execution.translation.state_answer import StateAnswer
from seltzer.runs.execution.translation.tool_calls import StreamedCalls
from seltzer.runs.execution.translation.tool_runs import IN_TOOL
from seltzer.runs.messages.spellings import ai_messages, text_of
from seltzer.runs.messages.thinking import OpeningText

Channel = Literal["answer", "step"]


class Candidate:
    """An AI message of a run. is_held: its text may still turn out not to be the answer."""

    __slots__ = (
        "call",
        "calls",
        "channel",
        "is_held",
        "is_kept",
        "is_whole",
        "kept_text",
        "message_id",
        "namespace",
        "node",
        "opening",
        "parts",
        "task",
    )

    def __init__(self, message_id: str, namespace: Namespace, node: str, channel: Channel) -> None:
        self.message_id = message_id
        self.namespace = namespace
        self.node = node
        self.channel: Channel = channel
        self.is_held = False
        self.is_kept = False
        self.kept_text: str | None = None  # of its message in the state, when its node had written that
        self.is_whole = False  # its model has ended: a call that fails doesn't show whether a node keeps it
        self.parts: list[str] = []
        self.opening: OpeningText | None = OpeningText()  # None once its text can only be the answer's
        self.calls = StreamedCalls()
        self.task: Any = None
        self.call = 0  # which call of a model it is in its task

    @property
    def text(self) -> str:
        return "".join(self.parts).strip()

    @property
    def path(self) -> Path:
        return (*(each.partition(":")[0] for each in self.namespace), self.node)


class Candidates:
    """Follows the messages of one attempt. What a method returns is no answer any more: it is retracted."""

    def __init__(self, shape: AnswerShape) -> None:
        self._shape = shape
        self._found: list[Candidate] = []
        self._calls: Counter[Any] = Counter()
        self._noted: set[Path] = set()  # nodes that have kept a text in this run

    def begin(
        self, message: AIMessage, namespace: Namespace, metadata: Mapping[str, Any], *, has_answer: bool
    ) -> tuple[Candidate, Sequence[Candidate]]:
        """Return the message that begins, and those that it replaces.

        has_answer: the run has its answer already, whatever a model writes after it.
        """
        candidate = Candidate(message.id or "", namespace, metadata.get("langgraph_node", ""), "answer")
        if metadata.get(IN_TOOL) or not self._may_answer(candidate.path):
            candidate.channel = "step"
            return candidate, ()
        candidate.task = metadata.get("langgraph_checkpoint_ns", (namespace, candidate.node))
        candidate.call = self._calls[candidate.task]
        self._calls[candidate.task] += 1
        replaced: Sequence[Candidate] = ()
        if self._shape.answer_nodes is None:
            is_streamed = isinstance(message, AIMessageChunk) and not has_answer
            candidate.is_held = not (is_streamed and self._is_certain(candidate, metadata))
            if not candidate.is_held:
                replaced = self._drop(each for each in self._found if each.is_kept)
        self._found.append(candidate)
        return candidate, replaced

    def repeats(self, message: AIMessage, namespace: Namespace, node: str) -> bool:
        """Return whether a node returns, under another id, a text that its model has just written."""
        if isinstance(message, AIMessageChunk):
            return False
        text, depth = text_of(message).strip(), len(namespace)
        path = (*(each.partition(":")[0] for each in namespace), node)
        return any(text == each.text and each.path[: depth + 1] == path for each in self._found)

    def call_tool(self, candidate: Candidate) -> bool:
        """Make the message a step; return whether it was a candidate."""
        was_candidate = candidate in self._found
        if was_candidate:  # a model and its tools by turns, in one node: this wasn't its last call
            self._calls[candidate.task] -= 1
        candidate.channel = "step"
        self._drop([candidate])
        return was_candidate

    def node_ended(self, namespace: Namespace, node: str, update: Any) -> Sequence[Candidate]:
        """Drop the texts of the node's models that the node hasn't written."""
        if self._shape.answer_nodes is not None:
            return ()
        own = [each for each in self._found if each.node == node and each.namespace == namespace]
        own = [each for each in own if not each.is_kept]
        if not own or len({each.task for each in own}) > 1:  # of several tasks, whose update is it?
            return ()
        if self._shape.is_function((*namespace, node)):
            text = update if isinstance(update, str) else self._shape.output.text_without_messages(update)
            update = update if text is None else AIMessage(text)
        written = _Written([*ai_messages(update), *map(AIMessage, self._shape.output.texts(update))])
        return self._refuse(each for each in own if not written.has(each))

    def step_ended(self, messages: Callable[[], Iterable[AIMessage]]) -> Sequence[Candidate]:
        """Drop what isn't in the state's messages, and what a later message of the state replaces.

        messages: the AI messages of this turn in the graph's own state.
        """
        if self._shape.answer_nodes is not None or not self._found:
            return ()
        kept = list(messages())
        written = _Written(kept)
        replaced = self._refuse(each for each in self._found if written.has_replaced(each))
        for each in self._found:
            if not each.is_kept and written.has(each):
                each.is_kept, each.kept_text = True, written.text_of(each)
            if each.is_kept and each.call == 0 and each.path not in self._noted:
                self._noted.add(each.path)
                self._shape.note_kept(each.path)
        unkept = [*replaced, *self._refuse(each for each in self._found if not each.is_kept)]
        last = next((text for each in reversed(kept) if (text := text_of(each).strip())), "")
        if not any(each.text == last for each in self._found):
            return unkept
        return [*unkept, *self._drop(each for each in self._found if each.text != last)]

    def end(
        self, answer: StateAnswer, is_same: Callable[[str, StateAnswer], bool]
    ) -> tuple[bool, Sequence[Candidate]]:
        """Return whether the answer was published already, and the candidates that it shows not to be it."""
        if self._shape.answer_nodes is not None:
            return any(each.text for each in self._found), ()
        matching = [each for each in self._found if is_same(each.text, answer)]
        return bool(matching), self._drop([each for each in self._found if each not in matching[-1:]])

    def declared_text(self) -> str:
        """Return the last text of the nodes that are declared to have the answer; empty if none are."""
        if self._shape.answer_nodes is None:
            return ""
        return next(("".join(each.parts) for each in reversed(self._found) if each.text), "")

    def _may_answer(self, path: Path) -> bool:
        if not self._shape.tool_nodes.isdisjoint(path):
            return False
        declared = self._shape.answer_nodes
        return declared is None or not declared.isdisjoint(path)

    def _is_certain(self, candidate: Candidate, metadata: Mapping[str, Any]) -> bool:
        """Return whether the text can only be the answer, as far as is known now."""
        path, shape = candidate.path, self._shape
        if candidate.call > 0 or metadata.get(PARALLEL) or shape.has_dropped(path):
            return False
        if not shape.output.may_be_a_models_text:
            return False
        if not (shape.can_be_last(path) or (shape.is_task(path) and shape.keeps(path))):
            return False
        if any(not (each.is_kept or each.is_held) for each in self._found):  # one at a time
            return False
        if shape.keeps(path):
            return not shape.has_rival(path)
        return not (self._found or _was_sent(metadata) or shape.may_be_parallel(path))

    def _refuse(self, unkept: Iterable[Candidate]) -> Sequence[Candidate]:
        unkept = list(unkept)
        for each in unkept:
            if each.call == 0 and each.is_whole:
                self._shape.note_dropped(each.path)
        return self._drop(unkept)

    def _drop(self, gone: Iterable[Candidate]) -> Sequence[Candidate]:
        gone = list(gone)
        if gone:
            self._found = [each for each in self._found if each not in gone]
        return gone


def _was_sent(metadata: Mapping[str, Any]) -> bool:
    """Return whether a Send or a call started the task, which others like it may run beside.

    The second part of a task's path is the name of its node if an edge started it.
    """
    path = metadata.get("langgraph_path", ())
    return len(path) < 2 or not isinstance(path[1], str)


class _Written:
    """What a node or a step has written: the ids and the texts of its messages."""

    def __init__(self, messages: Iterable[AIMessage]) -> None:
        self._by_id, self._texts = dict[str | None, str](), set[str]()
        for message in messages:
            text = text_of(message).strip()
            self._by_id[message.id] = text
            self._texts.add(text)

    def has(self, candidate: Candidate) -> bool:
        text = candidate.text
        return candidate.message_id in self._by_id or (text != "" and text in self._texts)

    def text_of(self, candidate: Candidate) -> str | None:
        """Return the text of the candidate's message; None if it isn't there, or has another id."""
        return self._by_id.get(candidate.message_id)

    def has_replaced(self, candidate: Candidate) -> bool:
        """Return whether a later node has written another text in the place of a message that was kept, or
        has removed it. One that only adds to it, such as its sources, hasn't.
        """
        before, now = candidate.kept_text, self.text_of(candidate)
        return bool(before) and (now is None or not now.startswith(str(before)))
