"""Functions that make a graph: which arguments they get, and when they are called."""

import asyncio
import sys
from typing import Any

import pytest

from seltzer import catalog
from seltzer.catalog import Catalog
from seltzer.runs.graph import Graph, GraphAccess
from tests.catalog.project import BUILDER, CONFIG, answer, declare, load, only_graph, opened, refused

HEAD = f"""\
from __future__ import annotations
import asyncio, contextlib, functools
from typing import Annotated, Any, Optional
from langchain_core.runnables import RunnableConfig
from langgraph_sdk.runtime import ServerRuntime
{BUILDER.removeprefix("from __future__")}
calls = []
"""
RUN = GraphAccess("threads.create_run", store=None, context={"tenant": "ours"}, user=None)
CONFIGURED: Any = {"configurable": {"thread_id": "t", "style": "terse"}}


def calls() -> list[Any]:
    recorded: list[Any] = sys.modules["agent"].calls
    return recorded


async def run(graph: Graph) -> list[str]:
    """Open the graph as a run does, and return what it answers."""
    async with graph.open(CONFIGURED, RUN) as pregel:
        state = await pregel.ainvoke({"messages": [("human", "hi")]})
    return [message.text for message in state["messages"]]


class TestArguments:
    @pytest.mark.parametrize(
        ("signature", "asked"),
        [
            ("config", "config"),
            ("*, config", "config"),
            ("config, /", "config"),
            ("settings: RunnableConfig", "config"),
            ("settings: Optional[RunnableConfig] = None", "config"),
            ("given", "config"),
            ("config: dict", "config"),
            ("config: RunnableConfig = None", "config"),
            ("*given", "config"),
            ("runtime", "runtime"),
            ("*, runtime", "runtime"),
            ("rt: ServerRuntime", "runtime"),
            ("rt: ServerRuntime[dict]", "runtime"),
            ("rt: ServerRuntime | None = None", "runtime"),
            ("rt: 'ServerRuntime'", "runtime"),
            ("config, runtime", "config runtime"),
            ("runtime, config", "runtime config"),
            ("a: ServerRuntime, b: RunnableConfig", "runtime config"),
            ("*, runtime: ServerRuntime, config: RunnableConfig, more=7", "runtime config"),
            ("first: int = 1, *, config", "config"),
            ("config, **others", "config"),
            ("other=7, *, key='x'", ""),
            ("**others", ""),
            ("", ""),
        ],
    )
    def test_a_factory_gets_what_its_parameters_ask_for(self, signature: str, asked: str) -> None:
        source = f"def graph({signature}):\n    calls.append(dict(locals()))\n    return builder\n"

        graph = load(source=HEAD + source)

        (given,) = calls()
        given.pop("others", None)
        values = [value[0] if isinstance(value, tuple) else value for value in given.values()]
        kinds = ["config" if value == {} else "runtime" for value in values if _is_asked(value)]
        assert " ".join(kinds) == asked
        assert (graph.factory is not None) == bool(asked)
        assert answer(graph) == "hello"

    @pytest.mark.parametrize(
        ("signature", "name"),
        [
            ("config, more", "more"),
            ("config, runtime, more", "more"),
            ("*, depth", None),
            ("rt: ServerRuntime, depth: int", "depth"),
            ("config, *, model: str", "model"),
        ],
    )
    def test_a_parameter_that_no_run_has_is_refused(self, signature: str, name: str | None) -> None:
        declare(source=HEAD + f"def graph({signature}):\n    return builder\n")

        if name is None:  # the only one gets the config
            assert only_graph(catalog.load(CONFIG)).factory is not None
        else:
            assert f"its parameter {name!r} is neither a config nor a ServerRuntime" in refused()[1]

    @pytest.mark.parametrize(
        "source",
        [
            "class Maker:\n    def __call__(self, config): calls.append(config); return builder\n"
            "graph = Maker()",
            "class Maker:\n    def make(self, config): calls.append(config); return builder\n"
            "graph = Maker().make",
            "def make(depth, config): calls.append(config); return builder\n"
            "graph = functools.partial(make, 7)",
            "graph = lambda config: calls.append(config) or builder",
            "def logged(function):\n"
            "    @functools.wraps(function)\n"
            "    def call(*args, **kwargs): return function(*args, **kwargs)\n"
            "    return call\n"
            "@logged\n"
            "def graph(*, config): calls.append(config); return builder",
        ],
    )
    def test_any_callable_is_a_factory(self, source: str) -> None:
        graph = load(source=HEAD + source)

        assert asyncio.run(run(graph)) == ["hi", "hello"]
        assert calls() == [{}, CONFIGURED]


def _is_asked(value: Any) -> bool:
    return value == {} or hasattr(value, "access_context")


class TestRuns:
    SOURCES = (
        "def graph(config, runtime):\n    note(config, runtime)\n    return builder.compile()",
        "async def graph(config, runtime):\n    note(config, runtime)\n    return builder",
        "async def graph(*, runtime, config):\n    await asyncio.sleep(0)\n    note(config, runtime)\n"
        "    return builder",
        "@contextlib.contextmanager\ndef graph(config, runtime):\n    note(config, runtime)\n"
        "    yield builder\n    calls.append('closed')",
        "@contextlib.asynccontextmanager\nasync def graph(config, runtime):\n    note(config, runtime)\n"
        "    yield builder.compile()\n    calls.append('closed')",
    )
    NOTE = (
        "def note(config, runtime):\n"
        "    run = runtime.execution_runtime\n"
        "    calls.append((config, runtime.access_context, run and run.context, runtime.store is not None))\n"
    )

    @pytest.mark.parametrize("source", SOURCES)
    def test_a_factory_is_called_for_each_run_with_its_config_and_runtime(self, source: str) -> None:
        graph = load(source=HEAD + self.NOTE + source)

        assert asyncio.run(run(graph)) == ["hi", "hello"]

        of_schemas, of_run = [each for each in calls() if each != "closed"]
        assert of_schemas == ({}, "assistants.read", None, True)
        assert of_run == (CONFIGURED, "threads.create_run", {"tenant": "ours"}, True)

    @pytest.mark.parametrize("source", SOURCES[3:])
    def test_a_context_manager_is_closed_at_the_end_of_each_run(self, source: str) -> None:
        graph = load(source=HEAD + self.NOTE + source)
        assert calls()[-1] == "closed"

        async def open_twice() -> list[int]:
            seen = []
            for _ in range(2):
                async with graph.open(CONFIGURED, RUN):
                    seen.append(calls().count("closed"))
                seen.append(calls().count("closed"))
            return seen

        assert asyncio.run(open_twice()) == [1, 2, 2, 3]

    @pytest.mark.parametrize(
        "source",
        [
            "@contextlib.asynccontextmanager\nasync def graph():\n    calls.append('open')\n"
            "    yield builder\n    calls.append('closed')",
            "@contextlib.contextmanager\ndef graph():\n    calls.append('open')\n    yield builder\n"
            "    calls.append('closed')",
        ],
    )
    def test_a_context_manager_without_parameters_is_opened_for_each_run(self, source: str) -> None:
        graph = load(source=HEAD + source)

        asyncio.run(run(graph))

        assert calls() == ["open", "closed"] * 2

    @pytest.mark.parametrize(
        "source",
        [
            "def graph():\n    calls.append(1)\n    return builder",
            "async def graph():\n    calls.append(1)\n    return builder.compile()",
        ],
    )
    def test_a_function_without_parameters_is_called_once(self, source: str) -> None:
        graph = load(source=HEAD + source)

        for _ in range(3):
            assert asyncio.run(run(graph)) == ["hi", "hello"]

        assert calls() == [1]

    def test_each_run_may_have_a_graph_of_its_own(self) -> None:
        graph = load(
            source=HEAD + "def graph(config):\n"
            "    style = config.get('configurable', {}).get('style', 'plain')\n"
            "    made = StateGraph(MessagesState)\n"
            "    made.add_node('say', lambda state: {'messages': [('ai', style)]})\n"
            "    return made.add_edge(START, 'say')\n"
        )

        assert asyncio.run(run(graph)) == ["hi", "terse"]
        assert answer(graph) == "plain"

    @pytest.mark.parametrize("how", ["contextlib.suppress(BaseException)", "Swallow()"])
    def test_a_context_manager_cannot_suppress_an_error_of_the_run(self, how: str) -> None:
        graph = load(
            source=HEAD + "class Swallow:\n"
            "    def __enter__(self): return builder\n"
            "    def __exit__(self, *error): return True\n"
            "@contextlib.asynccontextmanager\n"
            "async def graph(config):\n"
            f"    with {how}:\n"
            "        yield builder\n"
            "    calls.append('closed')\n"
        )

        async def fail() -> None:
            async with graph.open({}, RUN):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            asyncio.run(fail())
        assert calls() == ["closed", "closed"]

    @pytest.mark.parametrize(
        ("made", "error"),
        [
            ("7", TypeError),
            ("1 / 0", ZeroDivisionError),
            ("None", TypeError),
            ("StateGraph(MessagesState)", ValueError),
        ],
    )
    def test_what_is_opened_is_closed_if_it_makes_no_graph(self, made: str, error: type[Exception]) -> None:
        graph = load(
            source=HEAD + "@contextlib.asynccontextmanager\n"
            "async def graph(config):\n"
            "    try:\n"
            f"        yield {made} if config else builder\n"
            "    finally:\n"
            "        calls.append('closed')\n"
        )

        with pytest.raises(error):
            asyncio.run(run(graph))
        assert calls() == ["closed", "closed"]

    def test_a_bare_runnable_of_a_factory_becomes_a_graph(self) -> None:
        graph = load(
            source=HEAD + "from langchain_core.runnables import RunnableLambda\n"
            "def graph(config):\n"
            "    return RunnableLambda(lambda x: [x, config.get('configurable', {}).get('style')])\n"
        )

        async def ask() -> Any:
            async with graph.open(CONFIGURED, RUN) as pregel:
                return await pregel.ainvoke("x")

        assert graph.is_wrapped
        assert asyncio.run(ask()) == ["x", "terse"]


class TestLoops:
    @pytest.mark.parametrize(
        "source",
        [
            "async def graph():\n    return await made()",
            "async def graph(config):\n    return await made()",
            "def graph():\n    return made()",
            "graph = functools.partial(lambda _: made(), 1)",
            "@contextlib.asynccontextmanager\nasync def graph():\n    yield await made()",
            "class Maker:\n    async def __call__(self): return await made()\ngraph = Maker()",
            "def graph():\n    calls.append(asyncio.get_running_loop())\n    return builder",
        ],
    )
    def test_what_needs_a_loop_is_made_in_the_servers(self, source: str) -> None:
        made = "async def made():\n    calls.append(asyncio.get_running_loop())\n    return builder\n"
        declare(source=HEAD + made + source)

        loaded = catalog.load(CONFIG)
        assert (loaded.pending, loaded.graphs, calls()) == (("agent",), {}, [])

        async def serve() -> bool:
            await loaded.open()
            return calls() == [asyncio.get_running_loop()]

        assert asyncio.run(serve())
        assert loaded.graphs["agent"].takes_messages

    def test_graphs_stay_in_the_files_order(self) -> None:
        sources = {"z": "def z():\n    return builder", "m": "async def m():\n    return builder"}
        declare(source=HEAD + "\n".join([*sources.values(), "a = builder"]))
        entries = ", ".join(f'"{name}": "./agent.py:{name}"' for name in ("z", "m", "a"))
        CONFIG.write_text(f'{{"graphs": {{{entries}}}}}')

        assert list(opened(catalog.load(CONFIG)).graphs) == ["z", "m", "a"]

    def test_one_that_fails_doesnt_stop_the_others(self) -> None:
        declare(
            source=HEAD
            + "async def bad():\n    raise KeyError('no key')\n\nasync def good():\n    return builder"
        )
        CONFIG.write_text('{"graphs": {"bad": "./agent.py:bad", "good": "./agent.py:good"}}')

        loaded: Catalog = opened(catalog.load(CONFIG))

        assert list(loaded.graphs) == ["good"]
        assert "KeyError: 'no key'" in loaded.broken["bad"].reason.why

    @pytest.mark.parametrize("is_strict", [False, True])
    def test_the_only_one_that_fails_stops_the_start(self, is_strict: bool) -> None:
        declare(source=HEAD + "\nasync def graph():\n    raise KeyError('no key')\n")

        assert "KeyError: 'no key'" in refused(is_strict=is_strict)[1]
