"""Graphs of many shapes, each with the answer that it has, for test_answers.py.

Models stream a word a chunk. A Gate in a script lets the model end only when the test has read its first
word where it belongs. shapes.py lists them.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, cast

from anyio.lowlevel import checkpoint
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    RemoveMessage,
)
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.cache.memory import InMemoryCache
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import CachePolicy, Command, RetryPolicy, Send, interrupt
from typing_extensions import TypedDict

from seltzer.runs.graph import AnyPregel

GATE_S = 20.0  # no wait is longer: a test that waits so long has failed


class State(TypedDict, total=False):
    messages: Annotated[list[BaseMessage], add_messages]
    category: str
    summary: str
    title: str
    structured_response: Any


class Gate:
    """What a model waits for before its last words; the test may be in another thread."""

    def __init__(self) -> None:
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def close(self) -> None:
        self._opened.clear()

    async def passed(self) -> None:
        assert await asyncio.to_thread(self._opened.wait, GATE_S), "the gate wasn't opened"


class M(BaseChatModel):
    """Streams the n-th script at its n-th call, the last one again and again; a text word by word."""

    scripts: Sequence[Sequence[Any]]
    calls: int = 0

    def __init__(self, *scripts: Any, **options: Any) -> None:
        super().__init__(
            scripts=[each if isinstance(each, list) else [each] for each in scripts],
            **options,
        )

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, *args: Any, **options: Any) -> Any:
        return self

    def _script(self) -> Sequence[Any]:
        self.calls += 1
        return self.scripts[min(self.calls, len(self.scripts)) - 1]

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        text = "".join(each for each in self._script() if isinstance(each, str))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        await checkpoint()  # as a request to a provider: what else was started runs first
        for part in self._script():
            if isinstance(part, Exception):
                raise part
            if isinstance(part, Gate):
                await part.passed()
            elif isinstance(part, str):
                for word in part.split(" "):
                    yield ChatGenerationChunk(message=AIMessageChunk(content=word + " "))
            else:
                yield ChatGenerationChunk(message=part)
        yield ChatGenerationChunk(message=AIMessageChunk(content="", chunk_position="last"))


def calls(name: str, args: str = "{}", call_id: str = "c1") -> AIMessageChunk:
    part = tool_call_chunk(name=name, args=args, id=call_id, index=0)
    return AIMessageChunk(content="", tool_call_chunks=[part])


@dataclass
class World:
    """What a shape is made with: its gate, and the answer's script: words, the gate, more words."""

    gate: Gate = field(default_factory=Gate)

    @property
    def answer(self) -> list[Any]:
        return ["The answer", self.gate, "is here."]


def says(model: BaseChatModel, **more: Any) -> Any:
    """Return a node that keeps the model's message."""

    async def node(state: State) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])], **more}

    return node


def keeps_as(key: str, model: BaseChatModel) -> Any:
    """Return a node that puts the model's text under another key than messages."""

    async def node(state: State) -> Any:
        return {key: str((await model.ainvoke(state["messages"])).text)}

    return node


def chain(*nodes: tuple[str, Any]) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(State).add_sequence(list(nodes))
    return builder.add_edge(START, nodes[0][0]).add_edge(nodes[-1][0], END)


def loop(model: BaseChatModel, *tools: Any, tool_node: Any = None) -> AnyPregel:
    """Return an agent: a model and its tools by turns."""
    builder = StateGraph(State).add_node("model", says(model)).add_node("tools", tool_node or ToolNode(tools))
    builder.add_edge(START, "model").add_edge("tools", "model")
    builder.add_conditional_edges(
        "model", lambda state: "tools" if state["messages"][-1].tool_calls else END, ["tools", END]
    )
    return builder.compile()


@tool
def note() -> str:
    """Return a note."""
    return "noted"


def simple(world: World) -> AnyPregel:
    return chain(("say", says(M(world.answer)))).compile()


def tool_loop(world: World) -> AnyPregel:
    return loop(M([calls("note")], world.answer), note)


def preamble(world: World) -> AnyPregel:
    return loop(M(["Let me see.", calls("note")], world.answer), note)


def rag_with_grader(world: World) -> AnyPregel:
    builder = StateGraph(State)
    builder.add_node("retrieve", lambda state: {"summary": "documents"})
    builder.add_node("grade", keeps_as("category", M('{"score": "yes"}')))
    builder.add_node("rewrite", keeps_as("title", M("a better question")))
    builder.add_node("generate", says(M(world.answer)))
    builder.add_edge(START, "retrieve").add_edge("retrieve", "grade").add_edge("rewrite", "retrieve")
    builder.add_conditional_edges("grade", lambda state: "generate", ["generate", "rewrite"])
    return builder.add_edge("generate", END).compile()


def grader_in_an_edge(world: World) -> AnyPregel:
    grader = M('{"grounded": "yes"}')

    async def is_grounded(state: State) -> str:
        await grader.ainvoke("?")
        return END

    builder = StateGraph(State).add_node("generate", says(M(world.answer))).add_edge(START, "generate")
    return builder.add_conditional_edges("generate", is_grounded, ["generate", END]).compile()


def router(world: World) -> AnyPregel:
    builder = StateGraph(State).add_node("route", keeps_as("category", M("technical")))
    builder.add_node("technical", says(M(world.answer))).add_node("general", says(M("wrong")))
    builder.add_edge(START, "route").add_edge("technical", END).add_edge("general", END)
    return builder.add_conditional_edges(
        "route", lambda state: "technical", ["technical", "general"]
    ).compile()


def router_with_parser(world: World) -> AnyPregel:
    sorter = M('{"category": "technical"}') | JsonOutputParser()

    async def sort(state: State) -> Any:
        return {"category": (await sorter.ainvoke(state["messages"]))["category"]}

    return chain(("sort", sort), ("write", says(M(world.answer)))).compile()


def router_by_command(world: World) -> AnyPregel:
    model = M("technical")

    async def route(state: State) -> Command[Literal["write"]]:
        await model.ainvoke("?")
        return Command(goto="write", update={"category": "technical"})

    builder = StateGraph(State).add_node("route", route).add_node("write", says(M(world.answer)))
    return builder.add_edge(START, "route").add_edge("write", END).compile()


def plan_and_execute(world: World) -> AnyPregel:
    builder = StateGraph(State).add_node("plan", keeps_as("category", M("first this, then that")))
    builder.add_node("execute", keeps_as("summary", M("this is done", "that is done")))
    builder.add_node("respond", says(M(world.answer)))
    builder.add_edge(START, "plan").add_edge("plan", "execute").add_edge("respond", END)
    builder.add_conditional_edges(
        "execute",
        lambda state: "respond" if state["summary"].startswith("that") else "execute",
        ["respond", "execute"],
    )
    return builder.compile()


def reflection(world: World) -> AnyPregel:
    critic = M("Too short.")

    async def reflect(state: State) -> Any:
        return {"messages": [HumanMessage((await critic.ainvoke("?")).content)]}

    builder = StateGraph(State).add_node("generate", says(M("A draft.", world.answer)))
    builder.add_node("reflect", reflect).add_edge(START, "generate").add_edge("reflect", "generate")
    return builder.add_conditional_edges(
        "generate", lambda state: END if len(state["messages"]) > 3 else "reflect", ["reflect", END]
    ).compile()


def supervisor(world: World) -> AnyPregel:
    builder = StateGraph(State).add_node("supervisor", says(M([calls("ask")], world.answer)))
    expert = loop(M([calls("note")], "My findings."), note)
    builder.add_node("expert", expert).add_edge(START, "supervisor").add_edge("expert", "supervisor")
    return builder.add_conditional_edges(
        "supervisor", lambda state: "expert" if state["messages"][-1].tool_calls else END, ["expert", END]
    ).compile()


def swarm(world: World) -> AnyPregel:
    @tool
    def to_bob() -> Command[Any]:
        """Hand over to Bob."""
        return Command(goto="bob", graph=Command.PARENT)

    builder = StateGraph(State)
    builder.add_node("alice", loop(M([calls("to_bob")]), to_bob), destinations=("bob", END))
    builder.add_node("bob", loop(M(world.answer), note), destinations=("alice", END))
    return builder.add_edge(START, "alice").compile()


def map_reduce(world: World) -> AnyPregel:
    joker = M("A joke.", "Another joke.", "A third joke.")
    builder = StateGraph(State).add_node("joke", says(joker)).add_node("pick", says(M(world.answer)))
    builder.add_conditional_edges(START, lambda state: [Send("joke", state)] * 3, ["joke"])
    return builder.add_edge("joke", "pick").add_edge("pick", END).compile()


def parallel_title(world: World) -> AnyPregel:
    builder = StateGraph(State).add_node("title", keeps_as("title", M("A title")))
    builder.add_node("answer", says(M(world.answer)))
    for name in ("title", "answer"):
        builder.add_edge(START, name).add_edge(name, END)
    return builder.compile()


def two_that_stay(world: World) -> AnyPregel:
    """Two nodes beside each other; the state ends with the second one's text, whichever is written first."""
    builder = StateGraph(State).add_node("a", says(M("Another text."))).add_node("b", says(M(world.answer)))
    for name in ("a", "b"):
        builder.add_edge(START, name).add_edge(name, END)
    return builder.compile()


REFUSED = "I can't say that."


def judge(world: World) -> AnyPregel:
    """A node that keeps what its model writes the first time, and never again."""
    runs = 0

    async def answer(state: State) -> Any:
        nonlocal runs
        runs += 1
        reply = await M("Some words.").ainvoke("?")
        return {"messages": [reply if runs == 1 else AIMessage(REFUSED)]}

    return StateGraph(State).add_node("answer", answer).add_edge(START, "answer").compile()


def judge_of(model: BaseChatModel) -> AnyPregel:
    """A node that never keeps what its model writes."""

    async def answer(state: State) -> Any:
        await model.ainvoke("?")
        return {"messages": [AIMessage(REFUSED)]}

    return StateGraph(State).add_node("answer", answer).add_edge(START, "answer").compile()


def guard(world: World) -> AnyPregel:
    builder = StateGraph(State).add_node("guard", keeps_as("category", M("safe")))
    builder.add_node("answer", says(M(world.answer))).add_node("check", lambda state: {})
    for name in ("guard", "answer"):
        builder.add_edge(START, name)
    return builder.add_edge(["guard", "answer"], "check").add_edge("check", END).compile()


def summary_after(world: World) -> AnyPregel:
    model = M("They talked.")

    async def summarize(state: State) -> Any:
        reply = await model.ainvoke("?")
        return {"summary": reply.text, "messages": [RemoveMessage(state["messages"][0].id or "")]}

    return chain(("conversation", says(M(world.answer))), ("summarize", summarize)).compile()


def summary_by_chance(world: World) -> AnyPregel:
    builder = StateGraph(State).add_node("conversation", says(M(world.answer)))
    builder.add_node("summarize", keeps_as("summary", M("They talked.")))
    builder.add_edge(START, "conversation").add_edge("summarize", END)
    return builder.add_conditional_edges(
        "conversation", lambda state: "summarize", ["summarize", END]
    ).compile()


def sub_agent_in_a_tool(world: World) -> AnyPregel:
    inner = loop(M([calls("note")], "SECRET NOTES"), note)

    @tool
    async def research() -> str:
        """Research."""
        return str((await inner.ainvoke({"messages": [HumanMessage("?")]}))["messages"][-1].text)

    return loop(M([calls("research")], world.answer), research)


def sub_agent_in_a_sync_tool(world: World) -> AnyPregel:
    model = M("SECRET NOTES")
    inner = chain(("say", lambda state: {"messages": [model.invoke("?")]})).compile()

    @tool
    def research() -> str:
        """Research."""
        return str(inner.invoke({"messages": [HumanMessage("?")]})["messages"][-1].text)

    return loop(M([calls("research")], world.answer), research)


def hand_made_tool_node(world: World) -> AnyPregel:
    model = M("SECRET NOTES")

    @tool
    async def research() -> str:
        """Research."""
        return str((await model.ainvoke("?")).text)

    async def run_tools(state: State) -> Any:
        asked = state["messages"][-1]
        assert isinstance(asked, AIMessage)
        return {"messages": [await research.ainvoke(call) for call in asked.tool_calls]}

    return loop(M([calls("research")], world.answer), tool_node=run_tools)


def sub_agent_as_a_node(world: World) -> AnyPregel:
    return chain(("prepare", lambda state: {}), ("agent", loop(M(world.answer), note))).compile()


def rewrapped(change: Callable[[str], str]) -> Callable[[World], AnyPregel]:
    def make(world: World) -> AnyPregel:
        inner = loop(M(world.answer), note)

        async def expert(state: State) -> Any:
            reply = (await inner.ainvoke({"messages": state["messages"]}))["messages"][-1].text
            return {"messages": [AIMessage(change(str(reply)), name="expert")]}

        return chain(("expert", expert)).compile()

    return make


def rewrapped_directly(world: World) -> AnyPregel:
    model = M(world.answer)

    async def write(state: State) -> Any:
        return {"messages": [AIMessage(str((await model.ainvoke("?")).text).strip(), name="writer")]}

    return chain(("write", write)).compile()


def two_calls_in_a_node(world: World) -> AnyPregel:
    model = M("technical", world.answer)

    async def work(state: State) -> Any:
        await model.ainvoke("?")
        return {"messages": [await model.ainvoke("?")]}

    return chain(("work", work)).compile()


def quiet(world: World) -> AnyPregel:
    sorter = M("technical").with_config(tags=["nostream"])

    async def sort(state: State) -> Any:
        return {"category": (await sorter.ainvoke("?")).text}

    return chain(("sort", sort), ("write", says(M(world.answer)))).compile()


def quiet_answer(world: World) -> AnyPregel:
    model = M("The answer is here.").with_config(tags=["nostream"])

    async def write(state: State) -> Any:
        return {"messages": [await model.ainvoke("?")]}

    return chain(("write", write)).compile()


def returned(value: Any) -> Callable[[World], AnyPregel]:
    """Return a graph whose node returns the messages as plain data."""

    def make(world: World) -> AnyPregel:
        async def node(state: State) -> Any:
            return {"messages": value}

        return chain(("node", node)).compile()

    return make


def cached(world: World) -> AnyPregel:
    builder = StateGraph(State).add_node(
        "say", says(M("The answer is here.")), cache_policy=CachePolicy(key_func=lambda state: "k")
    )
    return builder.add_edge(START, "say").add_edge("say", END).compile(cache=InMemoryCache())


def retried(world: World) -> AnyPregel:
    model = M(["The answer is", ConnectionError()], world.answer)
    policy = RetryPolicy(initial_interval=0.001, jitter=False)
    builder = StateGraph(State).add_node("say", says(model), retry_policy=policy)
    return builder.add_edge(START, "say").add_edge("say", END).compile()


def fallback(world: World) -> AnyPregel:
    model: Any = M(["The answer is", ConnectionError()]).with_fallbacks([M(world.answer)])
    return chain(("say", says(model))).compile()


def structured_by_tool(world: World) -> AnyPregel:
    async def structure(state: State) -> Any:
        return {"structured_response": {"name": "Ada"}}

    @tool
    def contact(name: str) -> str:
        """Return a contact."""
        return f"Returning structured response: {name}"

    model = M([calls("contact", '{"name": "Ada"}')])
    return chain(("model", says(model)), ("tools", ToolNode([contact])), ("end", structure)).compile()


def structured_by_text(world: World) -> AnyPregel:
    model = M('{"name":"Ada"}')

    async def say(state: State) -> Any:
        return {"messages": [await model.ainvoke("?")], "structured_response": {"name": "Ada"}}

    return chain(("say", say)).compile()


def structured_first(world: World) -> AnyPregel:
    async def structure(state: State) -> Any:
        return {"structured_response": {"name": "Ada"}}

    return chain(("structure", structure), ("say", says(M("It is Ada.")))).compile()


def structured_afterwards(world: World) -> AnyPregel:
    second = M('{"name":"Ada"}') | JsonOutputParser()

    async def structure(state: State) -> Any:
        return {"structured_response": await second.ainvoke("?")}

    return chain(("say", says(M("It is Ada."))), ("structure", structure)).compile()


def returned_directly(world: World) -> AnyPregel:
    @tool
    def look_up() -> str:
        """Look it up."""
        return "The answer is here."

    return chain(("model", says(M([calls("look_up")]))), ("tools", ToolNode([look_up]))).compile()


def model_before(world: World) -> AnyPregel:
    """As SummarizationMiddleware does it: a node before the model writes a human message."""
    model = M("They talked.")

    async def summarize(state: State) -> Any:
        return {"messages": [HumanMessage(f"Summary: {(await model.ainvoke('?')).text}")]}

    return chain(("S.before_model", summarize), ("model", says(M(world.answer)))).compile()


def model_after(world: World) -> AnyPregel:
    return chain(
        ("model", says(M(world.answer))), ("G.after_model", keeps_as("category", M("fine")))
    ).compile()


def asks_before(world: World) -> AnyPregel:
    return chain(
        ("ask", lambda state: {"category": interrupt("sure?")}), ("say", says(M(world.answer)))
    ).compile()


def asks_after(world: World) -> AnyPregel:
    return chain(
        ("say", says(M(world.answer))), ("ask", lambda state: {"category": interrupt("fine?")})
    ).compile()


def functional(world: World) -> AnyPregel:
    model, sorter = M(world.answer), M("technical")

    @task
    async def sort(messages: Any) -> str:
        return str((await sorter.ainvoke(messages)).text)

    @entrypoint()
    async def flow(state: State) -> Any:
        await sort(state["messages"])
        return {"messages": [await model.ainvoke(state["messages"])]}

    return flow


def functional_on_a_list(world: World) -> AnyPregel:
    """An agent without a graph: messages in, all of them and the new ones out."""
    model = M([calls("note")], world.answer)

    @task
    async def look_up(call: Any) -> Any:
        return await note.ainvoke(call)

    @entrypoint()
    async def agent(messages: list[BaseMessage]) -> list[BaseMessage]:
        answer = await model.ainvoke(messages)
        while answer.tool_calls:
            results = [await look_up(each) for each in answer.tool_calls]
            messages = [*messages, answer, *results]
            answer = await model.ainvoke(messages)
        return [*messages, answer]

    return agent


def functional_with_tasks(world: World) -> AnyPregel:
    model = M([calls("note")], world.answer)

    @task
    async def call_model(messages: list[BaseMessage]) -> BaseMessage:
        return await model.ainvoke(messages)

    @task
    async def call_tool(call: Any) -> Any:
        return await note.ainvoke(call)

    @entrypoint()
    async def agent(messages: list[BaseMessage]) -> list[BaseMessage]:
        answer: Any = await call_model(messages)
        while answer.tool_calls:
            results = await asyncio.gather(*(call_tool(each) for each in answer.tool_calls))
            messages = [*messages, answer, *results]
            answer = await call_model(messages)
        return [*messages, answer]

    return agent


def functional_to_a_message(world: World) -> AnyPregel:
    """LangGraph's own example of a chatbot that remembers: it returns one message, and saves all."""
    model = M(world.answer)

    @entrypoint()
    async def chatbot(inputs: list[AnyMessage], *, previous: list[AnyMessage] | None = None) -> Any:
        messages = [*(previous or ()), *inputs]
        answer = await model.ainvoke(messages)
        return entrypoint.final(value=answer, save=[*messages, answer])

    return chatbot


def functional_to_text(world: World) -> AnyPregel:
    model = M(world.answer)

    @entrypoint()
    async def flow(messages: Sequence[BaseMessage] | str) -> str:
        return str((await model.ainvoke([*messages])).text)

    return flow


def network(world: World) -> AnyPregel:
    """Agents that hand over, and write what they have found under their own names, as a human's messages."""
    finder, model = M("I looked it up."), M(world.answer)

    async def research(state: State) -> Command[Literal["write"]]:
        found = await finder.ainvoke(state["messages"])
        return Command(update={"messages": [HumanMessage(found.text, name="researcher")]}, goto="write")

    async def write(state: State) -> Any:
        return {"messages": [HumanMessage((await model.ainvoke(state["messages"])).text, name="writer")]}

    builder = StateGraph(State).add_node("research", research).add_node("write", write)
    return builder.add_edge(START, "research").add_edge("write", END).compile()


def draft_and_polish(world: World) -> AnyPregel:
    return chain(("draft", says(M("A draft."))), ("polish", says(M(world.answer)))).compile()


def declared(world: World) -> AnyPregel:
    """The author knows what its shape can't show: respond is the answer, whatever follows it."""
    return chain(
        ("plan", says(M("A plan."))), ("respond", says(M(world.answer))), ("title", says(M("A title.")))
    ).compile()


def list_as_state(world: World) -> AnyPregel:
    model = M(world.answer)

    async def say(messages: Any) -> Any:
        return await model.ainvoke(messages)

    builder: Any = StateGraph(cast(Any, Annotated[list[AnyMessage], add_messages]))
    return cast(AnyPregel, builder.add_node("say", say).add_edge(START, "say").compile())


def replaces_the_question(world: World) -> AnyPregel:
    """An answer that takes the place of the user's message, by its id."""

    async def say(state: State) -> Any:
        return {"messages": [AIMessage("The answer is here.", id=state["messages"][-1].id)]}

    return chain(("say", say)).compile()


def preamble_that_repeats(world: World) -> AnyPregel:
    """A model that says the same words before it calls a tool and after it."""
    return loop(M(["The answer is here.", calls("note")], world.answer), note)


def two_at_once(world: World) -> AnyPregel:
    """A node whose models run at the same time; only one of their texts is kept in the messages."""
    title, model = M("A title", "A title"), M(world.answer)

    async def work(state: State) -> Any:
        named, said = await asyncio.gather(title.ainvoke("?"), model.ainvoke("?"))
        return {"messages": [said], "title": named.text}

    return chain(("work", work)).compile()


def one_beside_a_quiet_one(world: World) -> AnyPregel:
    """A node whose models run at the same time; the other one isn't streamed."""
    title, model = M("A title").with_config(tags=["nostream"]), M(world.answer)

    async def work(state: State) -> Any:
        named, said = await asyncio.gather(title.ainvoke("?"), model.ainvoke("?"))
        return {"messages": [said], "title": named.text}

    return chain(("work", work)).compile()


def replacing_guard(world: World) -> AnyPregel:
    """A guard that puts other words in the place of a draft, and has the node answer again."""
    model = M("A bad draft.", world.answer)

    async def guard(state: State) -> Any:
        return {"messages": [AIMessage("(removed)", id=state["messages"][-1].id)]}

    builder = StateGraph(State).add_node("answer", says(model)).add_node("guard", guard)
    builder.add_edge(START, "answer").add_edge("guard", "answer")
    return builder.add_conditional_edges(
        "answer", lambda state: "guard" if "bad" in state["messages"][-1].text else END, ["guard", END]
    ).compile()


def sources_after(world: World) -> AnyPregel:
    """A node that adds the answer's sources to the message that another one has written."""

    async def cite(state: State) -> Any:
        last = state["messages"][-1]
        return {"messages": [AIMessage(f"{last.text.strip()} [1]", id=last.id)]}

    builder = StateGraph(State).add_node("say", says(M(world.answer))).add_node("cite", cite)
    builder.add_edge(START, "say").add_edge("cite", END)
    return builder.add_conditional_edges("say", lambda state: "cite", ["cite", END]).compile()


def nothing_after_the_tool(world: World) -> AnyPregel:
    """A model that has said all before its tool call: its last message has no text."""
    return loop(M([*world.answer, calls("note")], "", ""), note)
