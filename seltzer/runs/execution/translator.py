"""LangGraph's stream parts -> what a run says. The only reader of LangGraph's shapes.

Reads parts `(namespace, mode, value)`, as of `graph.astream(subgraphs=True)`; graph_stream.py has them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata, add_usage
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from seltzer.runs.event import Json, Kind
from seltzer.runs.execution.graph_stream import Namespace
from seltzer.runs.graph import AnyPregel
from seltzer.runs.jsonable import to_json

_INTERRUPT: Final = "__interrupt__"
_METADATA: Final = "__metadata__"  # says that a node's update is one that was kept
_REASONING_BLOCKS: Final = {"reasoning": "reasoning", "thinking": "thinking"}  # block type -> its text's key


class Emission(NamedTuple):
    """An event before the engine numbers it."""

    kind: Kind
    data: Json


class _Message:
    """An AI message that is being said."""

    __slots__ = ("channel", "node", "parts")

    def __init__(self, node: tuple[Namespace, str], channel: Literal["answer", "step"]) -> None:
        self.node = node
        self.channel: Literal["answer", "step"] = channel
        self.parts: list[str] = []


class Translator:
    """Follows one attempt of a run.

    values is the graph's newest state (what `ainvoke` would return), usage the sum over all model calls,
    interrupts what the graph asked before it paused.
    """

    def __init__(self, graph: AnyPregel) -> None:
        self._tool_nodes = frozenset(_tool_nodes(graph))
        self._messages: dict[str, _Message] = {}
        self._answer_id: str | None = None
        self._kept_answer = ""
        self.values: Any = None
        self.usage: UsageMetadata | None = None
        self.interrupts: Json = []

    @property
    def answer(self) -> str:
        """The final answer's text, as far as it was said."""
        if self._answer_id is None:
            return self._kept_answer
        return "".join(self._messages[self._answer_id].parts)

    def go_on_from(self, values: Any) -> None:
        """Deliver the state that an earlier attempt has left; what it ends with may be the whole answer."""
        messages = values.get("messages") if isinstance(values, Mapping) else None
        last = messages[-1] if messages else None
        if isinstance(last, AIMessage) and not (last.tool_calls or last.invalid_tool_calls):
            self._kept_answer = _text(last)

    def feed(self, namespace: Namespace, mode: str, value: Any) -> Iterable[Emission]:
        """Return what the part says, in order."""
        if mode == "texts":
            return self._more(*value)
        if mode == "messages":
            message, metadata = value
            if self._is_more_of_the_answer(message):
                return (self._said(message.id, self._messages[message.id], _clean(message.content)),)
            if isinstance(message, AIMessage):
                return self._ai(message, namespace, metadata)
            return (_tool_result(message),) if isinstance(message, ToolMessage) else ()
        if mode == "updates":
            return self._updates(namespace, value)
        if mode == "custom":
            return (Emission("custom", {"value": to_json(value)}),)
        if not namespace:
            self.values = value
        return ()

    def _more(self, message_id: str, texts: Sequence[str]) -> Sequence[Emission]:
        """Say more of a message that has begun: as _token() does, which the most frequent case is spared."""
        message, said = self._messages[message_id], list[Emission]()
        for text in texts:
            if not text.isascii():
                text = _clean(text)
            if message_id == self._answer_id and text:
                said.append(self._said(message_id, message, text))
            elif text:
                said += self._token(message_id, message, text)
        return said

    def _is_more_of_the_answer(self, message: Any) -> bool:
        """Tell the most frequent of all parts, for which most of _ai() is beside the point."""
        return (
            type(message) is AIMessageChunk
            and message.id == self._answer_id
            and type(message.content) is str
            and message.content != ""
            and not (message.tool_call_chunks or message.usage_metadata or message.additional_kwargs)
        )

    def _ai(
        self, message: AIMessage, namespace: Namespace, metadata: Mapping[str, Any]
    ) -> Iterator[Emission]:
        message_id, text = message.id or "", _text(message)
        node = (namespace, metadata.get("langgraph_node", ""))
        said = self._messages.get(message_id)
        if said is None:
            if self._is_repeated(message, node, text):
                return
            said = _Message(node, "step" if node[1] in self._tool_nodes else "answer")
            self._messages[message_id] = said
            yield Emission("message", _head(message_id, node, metadata))
        if message.usage_metadata:
            self.usage = add_usage(self.usage, message.usage_metadata)
        if reasoning := _reasoning(message):
            yield Emission("reasoning", {"message_id": message_id, "text": reasoning})
        for call in _tool_calls(message, message_id):
            if said.channel == "answer":
                said.channel = "step"
                yield from self._retract(message_id)
            yield call
        if text:
            yield from self._token(message_id, said, text)

    def _token(self, message_id: str, said: _Message, text: str) -> Iterator[Emission]:
        if said.channel == "answer" and self._answer_id != message_id:
            if self._answer_id is not None:  # a later message is the answer then
                self._messages[self._answer_id].channel = "step"
                yield from self._retract(self._answer_id)
            self._answer_id = message_id
        yield self._said(message_id, said, text)

    @staticmethod
    def _said(message_id: str, said: _Message, text: str) -> Emission:
        said.parts.append(text)
        return Emission("token", {"message_id": message_id, "text": text, "channel": said.channel})

    def _retract(self, message_id: str) -> Iterator[Emission]:
        """Say that the message isn't the answer, if its text was shown as such."""
        if self._answer_id == message_id:
            self._answer_id = None
            yield Emission("retracted", {"message_id": message_id})

    def _is_repeated(self, message: AIMessage, node: tuple[Namespace, str], text: str) -> bool:
        """Tell whether a node gave back, under another id, the text its model has just said."""
        if isinstance(message, AIMessageChunk) or self._answer_id is None:
            return False
        answer = self._messages[self._answer_id]
        return answer.node == node and "".join(answer.parts) == text

    def _updates(self, namespace: Namespace, value: Mapping[str, Any]) -> Iterator[Emission]:
        for node, update in value.items():
            yield from self._update(namespace, node, update)

    def _update(self, namespace: Namespace, node: str, update: Any) -> Iterator[Emission]:
        if node == _METADATA:
            return
        if node == _INTERRUPT:
            known = {each["id"] for each in self.interrupts}  # parallel nodes ask in updates of their own
            asked = [{"id": each.id, "value": to_json(each.value)} for each in update if each.id not in known]
            self.interrupts = [*self.interrupts, *asked]
            if asked:
                yield Emission("interrupt", {"interrupts": asked})
            return
        yield Emission("update", {"node": node, "namespace": list(namespace), "values": to_json(update)})
        answer_id = self._answer_id
        if answer_id is not None and self._messages[answer_id].node == (namespace, node):
            kept = list(_ai_messages(update))
            text = "".join(self._messages[answer_id].parts)
            if not any(message.id == answer_id or _text(message) == text for message in kept):
                self._messages[answer_id].channel = "step"
                yield from self._retract(answer_id)


def _head(message_id: str, node: tuple[Namespace, str], metadata: Mapping[str, Any]) -> Json:
    return {
        "message_id": message_id,
        "node": node[1],
        "namespace": list(node[0]),
        "model": metadata.get("ls_model_name"),
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


def _tool_calls(message: AIMessage, message_id: str) -> Iterator[Emission]:
    if isinstance(message, AIMessageChunk):
        for chunk in message.tool_call_chunks:
            yield _call(message_id, chunk["index"], chunk["id"], chunk["name"], chunk["args"])
        return
    for index, call in enumerate(message.tool_calls):
        yield _call(message_id, index, call["id"], call["name"], json.dumps(call["args"], ensure_ascii=False))


def _call(
    message_id: str, index: object, call_id: str | None, name: str | None, args: str | None
) -> Emission:
    data = {
        "message_id": message_id,
        "index": index or 0,
        "call_id": call_id,
        "name": name,
        "args": args or "",
    }
    return Emission("tool_call", data)


def _text(message: AIMessage) -> str:
    """Return the message's own text: what stands in it outside of reasoning, tool calls and images."""
    if isinstance(message.content, str):
        return _clean(message.content)
    return _clean(
        "".join(
            block if isinstance(block, str) else str(block.get("text", ""))
            for block in message.content
            if isinstance(block, str) or block.get("type") in ("text", "output_text")
        )
    )


def _clean(text: str) -> str:
    """Replace lone surrogates, which a model's JSON may spell and no encoding of text can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _reasoning(message: AIMessage) -> str:
    if isinstance(message.content, str):
        return str(message.additional_kwargs.get("reasoning_content") or "")
    blocks = [block for block in message.content if isinstance(block, dict)]
    return "".join(str(block.get(_REASONING_BLOCKS.get(block.get("type", ""), ""), "")) for block in blocks)


def _ai_messages(update: Any) -> Iterator[AIMessage]:
    """Yield the AI messages of a node's update, in LangGraph's spellings of it."""
    for part in update if isinstance(update, list | tuple) else [update]:
        messages = part.get("messages", ()) if isinstance(part, Mapping) else part
        for message in [messages] if isinstance(messages, BaseMessage) else messages or ():
            if isinstance(message, AIMessage):
                yield message


def _tool_nodes(graph: AnyPregel) -> Iterator[str]:
    """Yield the nodes that run tools: what a model says inside a tool is never the answer."""
    for each in (graph, *(subgraph for _, subgraph in graph.get_subgraphs(recurse=True))):
        if isinstance(each, Pregel):
            yield from (name for name, node in each.nodes.items() if isinstance(node.bound, ToolNode))
