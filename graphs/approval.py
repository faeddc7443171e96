"""An agent that asks before it acts: certain tools run only once a person has approved the call.

The run pauses at LangGraph's `interrupt()` and continues when it is resumed with an answer. A person is
asked about one call at a time, so it is always clear which question an answer belongs to.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send, interrupt

from graphs.agent import State, model_node, tool_node, where_next
from graphs.calculator import calculator
from graphs.history import open_calls
from seltzer.models import chat_model

QUESTION = "May this tool be called? Only a yes runs it."
MAX_WORDS_CHARS = 500  # of the person's answer, as the model sees it
_YES: Final = frozenset(
    word
    for language in (
        "y, yes, yes please, yep, yeah, ok, okay, sure, true, approve, approved, go ahead",
        "はい, はい お願いします, お願いします, ええ, うん, いいよ, いいです, どうぞ, 承認, 承認します",
        "是, 是的, 好, 好的, 可以, 行, 对, 嗯, 同意, 批准",
    )
    for word in language.split(", ")
)
_Next: TypeAlias = Literal["approve", "model"] | Send


@tool
def send_email(to: str, subject: str, body: str) -> str:
    """Send an email.

    This is a demonstration: it reports what it would have sent, and sends nothing.
    """
    return (
        "This is a demonstration, nothing was sent. The email would have gone to "
        f"{to} with the subject {subject!r} and {len(body)} characters of text."
    )


TOOLS: Sequence[BaseTool] = [calculator, send_email]
ASKS_FIRST: Final = frozenset({send_email.name})


def build(
    model: BaseChatModel, tools: Sequence[BaseTool] = TOOLS
) -> CompiledStateGraph[State, None, State, State]:
    """Build the agent's loop, in which a person approves calls of the tools in ASKS_FIRST."""
    graph = StateGraph(State)
    graph.add_node("model", model_node(model, tools))
    graph.add_node("approve", approve, destinations=("approve", "tools", "model"))
    graph.add_node("tools", tool_node(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", _after_model, ["approve", "tools", "model", END])
    graph.add_conditional_edges("tools", _after_tools, ["approve", "model"])
    return graph.compile()


async def approve(state: State) -> Command[Literal["approve", "tools", "model"]]:
    """Ask a person about the first pending call, and continue by the answer.

    When the answer arrives, the node runs again from its beginning: nothing may happen before the interrupt.
    {"approved": true, "args": {..}} changes arguments of the call.
    """
    call = _asking(state)[0]
    answer = interrupt({"question": QUESTION, "tool": call["name"], "args": call["args"]})
    if is_yes(answer):
        edited = answer.get("args") if isinstance(answer, Mapping) else None
        args = {**call["args"], **edited} if isinstance(edited, Mapping) else call["args"]
        return Command(goto=Send("tools", [{**call, "args": args}]))
    declined = ToolMessage(
        f"This call was not run. A person was asked for a yes first, and said: {_words(answer)}",
        name=call["name"],
        tool_call_id=call["id"],
        status="error",
    )
    rest: State = {"messages": [*state["messages"], declined]}
    return Command(update={"messages": [declined]}, goto=_next_calls(rest))


def is_yes(answer: Any) -> bool:
    """Return whether the answer is a yes: true, in plain words, or under "approved". All else is a no."""
    reply = answer.get("approved") if isinstance(answer, Mapping) else answer
    if isinstance(reply, str):
        plain = unicodedata.normalize("NFKC", reply).casefold()
        return re.sub(r"[\W_]+", " ", plain).strip() in _YES
    return reply is True


def _words(answer: Any) -> str:
    words = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, default=str)
    return words[:MAX_WORDS_CHARS]


async def _after_model(state: State) -> str | Send:
    next_node = await where_next(state)
    return _next_calls(state) if next_node == "tools" else next_node


async def _after_tools(state: State) -> _Next:
    return _next_calls(state)


def _next_calls(state: State) -> _Next:
    """Run the calls that need no approval, then ask about the others one by one, then call the model."""
    asking = _asking(state)
    free = [call for call in open_calls(state["messages"]) if call not in asking]
    if free:
        return Send("tools", free)
    return "approve" if asking else "model"


def _asking(state: State) -> list[ToolCall]:
    return [call for call in open_calls(state["messages"]) if call["name"] in ASKS_FIRST]


graph = build(chat_model())
