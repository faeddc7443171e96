"""What a variable may be: a graph, built or not, a function that makes one, or any Runnable."""

import asyncio
import json
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.pregel import Pregel

from seltzer import catalog
from tests.catalog.project import BUILDER, CONFIG, answer, declare, load, refused


class TestGraphs:
    @pytest.mark.parametrize(
        ("made", "line"),
        [
            ("graph = builder", 6),
            ("graph = builder.compile()", 6),
            ("\n\ngraph: object = builder", 8),
            ("def graph():\n    return builder.compile()", 6),
            ("def graph():\n    return builder", 6),
            ("def graph(config):\n    assert config == {}\n    return builder", 6),
            ("async def graph():\n    return builder.compile()", 6),
            ("async  def graph(config):\n    return builder", 6),
            ("class graph:\n    def __new__(cls):\n        return builder", 6),
            ("globals()['graph'] = builder", 1),
            ("graphs = 1\ngraph = builder", 7),
        ],
    )
    def test_a_graph_may_be_there_built_or_made(self, made: str, line: int) -> None:
        graph = load(source=BUILDER + made)

        assert isinstance(graph.pregel, Pregel)
        assert (answer(graph), graph.line) == ("hello", line)
        assert (graph.takes_messages, graph.is_wrapped, graph.description) == (True, False, "")

    def test_an_entry_may_carry_a_description(self) -> None:
        entry = {"path": "./agent.py:graph", "description": "It answers."}

        assert load(entry, BUILDER + "graph = builder").description == "It answers."

    def test_graphs_are_in_the_files_order(self) -> None:
        declare(source=BUILDER + "graph = builder")
        entries = dict.fromkeys(("zebra", "ant", "mole"), "./agent.py:graph")
        CONFIG.write_text(json.dumps({"graphs": entries}))

        assert list(catalog.load(CONFIG).graphs) == ["zebra", "ant", "mole"]

    @pytest.mark.parametrize("factory", ["def graph():", "async def graph():", "def graph(config):"])
    def test_a_factory_that_raises_is_named_by_its_line(self, factory: str) -> None:
        declare(source=f"a = 1\n{factory}\n    raise KeyError('no key')\n")

        what, why, todo = refused()

        assert what == "graph 'agent' can't be loaded"
        assert why == "agent.py:3: KeyError: 'no key'"
        assert todo == "fix it, so that it returns a graph"

    def test_a_graph_that_does_not_compile_is_named_by_its_line(self) -> None:
        declare(
            source="from langgraph.graph import MessagesState, StateGraph\n"
            "\n"
            "graph = StateGraph(MessagesState)"
        )

        assert refused()[1].startswith("agent.py:3: ValueError: Graph must have an entrypoint")

    @pytest.mark.parametrize(
        ("source", "kind"),
        [("\ngraph = 7", "int"), ("\ndef graph(): pass", "NoneType"), ("\ngraph = None", "NoneType")],
    )
    def test_another_value_is_refused(self, source: str, kind: str) -> None:
        declare(source=source)

        assert refused()[1] == f"agent.py:2: it is {kind!r}, not a graph, nor a function that returns one"


class TestRunnables:
    def test_any_runnable_is_wrapped_in_a_graph_of_one_step(self) -> None:
        graph = load(source="from langchain_core.runnables import RunnableLambda\n"
                            "graph = RunnableLambda(lambda x: x + 1)")  # fmt: skip

        assert (graph.is_wrapped, graph.takes_messages, graph.line) == (True, False, 2)
        assert isinstance(graph.served, RunnableLambda)
        assert asyncio.run(graph.pregel.ainvoke(1)) == 2
        assert list(graph.pregel.nodes) == ["agent"]

    def test_its_chunks_are_written_as_it_makes_them_and_add_up(self) -> None:
        graph = load(source="from langchain_core.runnables import RunnableGenerator\n"
                            "async def words(given):\n"
                            "    async for text in given:\n"
                            "        for word in text.split():\n"
                            "            yield word\n"
                            "graph = RunnableGenerator(words)")  # fmt: skip

        async def written() -> list[Any]:
            parts = graph.pregel.astream("one two three", stream_mode=["custom", "values"])
            return [part async for part in parts]

        assert asyncio.run(written()) == [
            ("custom", "one"), ("custom", "two"), ("custom", "three"), ("values", "onetwothree"),
        ]  # fmt: skip

    def test_one_without_output_returns_nothing(self) -> None:
        graph = load(source="from langchain_core.runnables import RunnableGenerator\n"
                            "async def silence(given):\n"
                            "    async for _ in given:\n"
                            "        if False:\n"
                            "            yield\n"
                            "graph = RunnableGenerator(silence)")  # fmt: skip

        assert asyncio.run(graph.pregel.ainvoke("x")) is None
