"""`seltzer chat --context` and `--configurable`."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from seltzer.cli.chat.options import Options
from tests.cli.conftest import Desk
from tests.conftest import Serve
from tests.serving import write_graphs

CONFIGURED = """
from dataclasses import dataclass
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

@dataclass
class Context:
    user: str
    limit: int = 10

async def node(state: MessagesState, runtime: Runtime[Context], config: RunnableConfig):
    given = runtime.context, config["configurable"].get("flavour")
    said = interrupt("Which?") if state["messages"][-1].content == "ask" else ""
    return {"messages": [AIMessage(f"{given[0].user!r} {given[0].limit!r} {given[1]!r} {said}".strip())]}

graph = StateGraph(MessagesState, context_schema=Context).add_node(node).add_edge(START, "node").compile()
"""


@pytest.fixture(params=["server", "process"])
def where(request: pytest.FixtureRequest, desk: Desk, serve: Serve) -> list[str]:
    if request.param == "server":
        return ["--url", serve({"agent": CONFIGURED}).url]
    write_graphs(desk.folder, {"agent": CONFIGURED})
    return []


def test_the_graph_gets_what_is_given(desk: Desk, where: list[str]) -> None:
    flags = ["--context", "user=Ada", "--context", '{"limit": 3}', "--configurable", "flavour=a=b c"]

    assert desk.run("chat", *where, *flags, "hello").stdout == "'Ada' 3 'a=b c'\n"


@pytest.mark.parametrize(
    ("flags", "naming"),
    [
        (["--context", "user=7"], "context.user: "),
        (["--context", "user=Ada", "--configurable", "__x=1"], "config.configurable.__x: "),
    ],
)
def test_a_refusal_names_the_field(desk: Desk, where: list[str], flags: list[str], naming: str) -> None:
    done = desk.run("chat", *where, *flags, "hello")

    assert (done.stdout, done.returncode) == ("", 1)
    *_, last = done.stderr.splitlines()
    assert last.startswith(f"seltzer: {naming}")
    assert last.endswith("(invalid_input)")


def test_an_answered_run_has_what_the_run_that_asked_had(desk: Desk, where: list[str]) -> None:
    flags = ["--context", "user=Ada", "--configurable", "flavour=mint"]
    asked = desk.run("chat", *where, "--thread", "t", *flags, "ask")
    answered = desk.run("chat", *where, "--thread", "t", "--answer", "this")

    assert "--context user=Ada --answer ..." in asked.stderr
    assert answered.stdout == "'Ada' 10 'mint' this\n"


def test_an_answer_may_have_another_context(desk: Desk, where: list[str]) -> None:
    desk.run("chat", *where, "--thread", "t", "--context", "user=Ada", "ask")

    done = desk.run("chat", *where, "--thread", "t", "--context", "user=Eve", "--answer", "that")

    assert done.stdout == "'Eve' 10 None that\n"


@pytest.mark.parametrize(
    ("given", "context"),
    [
        (("user=Ada",), {"user": "Ada"}),
        (("user=Ada", " limit =3"), {"user": "Ada", "limit": 3}),
        (('{"user": {"name": "Ada"}}', "on=true"), {"user": {"name": "Ada"}, "on": True}),
        (('user="7"', "rest=[1, null]", "empty=", "text=a=b c"),
         {"user": "7", "rest": [1, None], "empty": "", "text": "a=b c"}),
        (("user=\U0001f919", "half={1"), {"user": "\U0001f919", "half": "{1"}),
    ],
)  # fmt: skip
def test_a_value_is_json_or_text(given: tuple[str, ...], context: dict[str, Any]) -> None:
    options = Options(context=given, configurable=given).run_options()

    assert options == {"context": context, "config": {"configurable": context}}


@pytest.mark.parametrize(
    ("options", "naming"),
    [
        (Options(context=("user",)), "neither KEY=VALUE nor a JSON object"),
        (Options(context=("=Ada",)), "neither KEY=VALUE nor a JSON object"),
        (Options(context=('{"user": ',)), "isn't valid JSON"),
        (Options(configurable=("a=1", '{"a": 2}')), "'a' is given twice"),
        (Options(configurable=("thread_id=t",)), "name the thread with --thread"),
        (Options(thread="t", reply="yes", configurable=("a=1",)), "the run that asked has its own"),
        (Options(follow="r1", context=("a=1",)), "the run has begun with its own"),
    ],
)
def test_what_cant_be_meant_is_a_usage_error(options: Options, naming: str) -> None:
    with pytest.raises(typer.BadParameter, match=naming):
        options.check()
