"""langgraph.json -> graphs: what may stand in it, and the three lines for everything that may not."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.pregel import Pregel

from seltzer import catalog
from seltzer.errors import LoadError
from seltzer.runs.graph import Graph

CONFIG = Path("langgraph.json")
BUILDER = """\
from langgraph.graph import START, MessagesState, StateGraph

builder = StateGraph(MessagesState)
builder.add_node("say", lambda state: {"messages": [("ai", "hello")]})
builder.add_edge(START, "say")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder; what is imported or put on the import path is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


@pytest.fixture(autouse=True)
def blocking_calls() -> None:
    """Let loading block: it reads files and waits for factories, before the server listens."""


def declare(entry: Any = "./agent.py:graph", source: str = "", *, name: str = "agent", **others: Any) -> None:
    """Write langgraph.json with one graph, and agent.py."""
    Path("agent.py").write_text(source, encoding="utf-8")
    CONFIG.write_text(json.dumps({"graphs": {name: entry}, **others}, indent=2), encoding="utf-8")


def load(entry: Any = "./agent.py:graph", source: str = "", **others: Any) -> Graph:
    declare(entry, source, **others)
    (graph,) = catalog.load(CONFIG).values()
    return graph


def refused(*reserved: str) -> tuple[str, str, str]:
    """Load, and return the lines of the error: what, why, what to do."""
    with pytest.raises(LoadError) as error:
        catalog.load(CONFIG, reserved=reserved)
    what, why, todo = str(error.value).splitlines()
    assert why.startswith("  why: ")
    assert todo.startswith("  do:  ")
    return what, why.removeprefix("  why: "), todo.removeprefix("  do:  ")


def answer(graph: Graph) -> Any:
    return graph.pregel.invoke({"messages": [("human", "hi")]})["messages"][-1].text


class TestFile:
    def test_a_missing_file_says_how_to_write_one(self) -> None:
        what, _, todo = refused()

        assert what == "langgraph.json isn't there"
        assert '"graphs": {"agent": "./graphs/agent.py:graph"}' in todo

    def test_bad_json_is_told_by_its_line(self) -> None:
        CONFIG.write_text('{\n  "graphs": {\n    "agent": }\n}')

        assert refused()[1] == "langgraph.json:3: not JSON: Expecting value at column 14"

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000])
    def test_what_is_no_text_or_no_json_is_refused(self, content: bytes) -> None:
        CONFIG.write_bytes(content)

        assert refused()[0] == "langgraph.json can't be used"

    def test_a_folder_is_no_file(self) -> None:
        CONFIG.mkdir()

        assert "can't be read" in refused()[1]

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ([], "langgraph.json:1: the whole file: Input should be"),
            ({}, "langgraph.json:1: graphs: Field required"),
            ({"env": {}, "graphs": {}}, "langgraph.json:3: graphs: Dictionary should have at least 1 item"),
            ({"graphs": []}, "langgraph.json:2: graphs: Input should be"),
            ({"graphs": {"a": "x", "agent": 7}}, "langgraph.json:4: graphs.agent.str: Input should be"),
            (
                {"graphs": {"agent": {"description": "x"}}},
                "langgraph.json:3: graphs.agent.str: Input should be",
            ),
            (
                {"graphs": {"agent": "x"}, "dependencies": "."},
                "langgraph.json:5: dependencies: Input should be",
            ),
            (
                {"graphs": {"agent": "x"}, "dependencies": [1]},
                "langgraph.json:5: dependencies.0: Input should be",
            ),
            ({"graphs": {"agent": "x"}, "env": 7}, "langgraph.json:5: env.str: Input should be"),
        ],
    )
    def test_a_wrong_type_is_told_by_its_field_and_line(self, content: Any, why: str) -> None:
        CONFIG.write_text(json.dumps(content, indent=2))

        assert refused()[1].startswith(why)

    def test_the_clis_other_keys_are_let_be(self) -> None:
        declare(python_version="3.11", store={"index": {}}, dockerfile_lines=[])

        assert catalog.read_file(CONFIG).dependencies == []


class TestNames:
    def test_a_reserved_name_is_refused(self) -> None:
        declare(name="chat")

        what, why, _ = refused("docs", "chat")

        assert what == "graph 'chat' can't be loaded"
        assert why == "langgraph.json:3: the name is one of the server's own"

    @pytest.mark.parametrize(
        "name", ["", "Agent", "1st", "_a", "-a", "a b", "a/b", "a.b", "é", "a\nb", "a" * 64]
    )
    def test_what_is_no_name_is_refused(self, name: str) -> None:
        declare(name=name)

        assert refused()[1] == "langgraph.json:3: the name isn't [a-z][a-z0-9_-]{0,62}"

    @pytest.mark.parametrize("name", ["a", "my-agent_2", "a" * 63, "chats"])
    def test_any_other_name_is_taken(self, name: str) -> None:
        graph = load(source=BUILDER + "graph = builder.compile()", name=name)

        assert graph.name == name

    @pytest.mark.parametrize(
        "entry", ["agent.py", "./agent.py:", ":graph", "./agent.py:a-b", "", "./agent.py:a.b"]
    )
    def test_an_entry_without_a_variable_is_refused(self, entry: str) -> None:
        declare(entry)

        assert refused()[1] == f"langgraph.json:3: {entry!r} names no variable"


class TestModules:
    def test_a_missing_file_is_named(self) -> None:
        declare("./graphs/other.py:graph")

        assert refused()[1] == "langgraph.json:3: graphs/other.py isn't there"

    def test_a_file_that_is_no_python_is_refused(self) -> None:
        Path("agent.txt").write_text("")
        declare("./agent.txt:graph")

        assert refused()[1] == "langgraph.json:3: agent.txt isn't a Python file"

    def test_a_missing_variable_is_told_with_the_graphs_there_are(self) -> None:
        declare("./agent.py:missing", BUILDER + "second = builder.compile()\nnumber = 7")

        _, why, todo = refused()

        assert why == "langgraph.json:3: agent.py has no 'missing'; of graphs it has builder, second"
        assert todo == "define missing there, or name another at langgraph.json:3"

    def test_a_missing_variable_is_told_where_there_are_no_graphs(self) -> None:
        declare("./agent.py:missing", "number = 7")

        assert refused()[1].endswith("has no 'missing'; of graphs it has none")

    def test_a_syntax_error_is_told_by_its_line(self) -> None:
        declare(source="a = 1\nb = = 2\n")

        assert refused()[1] == "agent.py:2: invalid syntax"

    def test_a_syntax_error_in_an_imported_file_is_told_there(self) -> None:
        Path("broken_part.py").write_text("\n\ndef (:\n")
        declare(source="import broken_part\n", dependencies=["."])

        assert refused()[1] == "broken_part.py:3: invalid syntax"

    @pytest.mark.parametrize(
        ("source", "why"),
        [
            ("a = 1\n1 / 0\n", "agent.py:2: ZeroDivisionError: division by zero"),
            ("def f():\n    raise ValueError('two\\n  lines')\nf()\n", "agent.py:2: ValueError: two lines"),
            ("import json\njson.loads('{')\n", "agent.py:2: JSONDecodeError: Expecting property name"),
            (
                "import pydantic\npydantic.TypeAdapter(int).validate_python('x')\n",
                "agent.py:2: ValidationError: ",
            ),
            ("\nimport no_such_thing\n", "agent.py:2: ModuleNotFoundError: No module named 'no_such_thing'"),
            ("import sys\nsys.exit('no key')\n", "agent.py:2: SystemExit: no key"),
        ],
    )
    def test_an_error_at_import_is_told_by_the_line_of_the_users_file(self, source: str, why: str) -> None:
        declare(source=source)

        _, told, todo = refused()

        assert told.startswith(why)
        assert todo == "mend it; to see the whole error: python ./agent.py"

    def test_a_module_is_named_without_its_path(self) -> None:
        Path("parts_of_mine.py").write_text(BUILDER + "\ngraph = builder.compile()\n")

        graph = load("parts_of_mine:graph", dependencies=["."])

        assert (answer(graph), graph.file.name, graph.line) == ("hello", "parts_of_mine.py", 7)

    @pytest.mark.parametrize(
        ("entry", "why"),
        [
            (
                "no_such_module:graph",
                "langgraph.json:3: ModuleNotFoundError: No module named 'no_such_module'",
            ),
            ("sys:path", "sys:1: it is 'list', not a graph, nor a function that returns one"),
            ("a..b:graph", "langgraph.json:3: ModuleNotFoundError"),
        ],
    )
    def test_a_module_that_gives_no_graph_is_refused(self, entry: str, why: str) -> None:
        declare(entry)

        assert refused()[1].startswith(why)

    def test_a_folder_of_modules_has_no_graph(self) -> None:
        Path("plain_folder").mkdir()
        declare("plain_folder:graph", dependencies=["."])

        assert refused()[1] == "langgraph.json:3: plain_folder has no 'graph'; of graphs it has none"

    def test_local_dependencies_are_on_the_import_path_once_and_others_are_not(self, folder: Path) -> None:
        Path("lib").mkdir()
        Path("lib/my_answers.py").write_text("TEXT = 'from lib'")
        source = BUILDER.replace('"hello"', "TEXT") + "graph = builder.compile()"

        graph = load(source=f"from my_answers import TEXT\n{source}", dependencies=["./lib", ".", "httpx"])
        catalog.load(CONFIG)

        assert answer(graph) == "from lib"
        assert sys.path.count(str(folder / "lib")) == 1
        assert "httpx" not in sys.path

    def test_a_projects_own_packages_are_meant_whatever_their_names(self, folder: Path) -> None:
        for package in ("app", "graphs", "tests"):
            Path(package).mkdir()
            Path(package, "__init__.py").touch()
            Path(package, "mytools.py").write_text(f"TEXT = 'hello from {package}'")
        names = ", ".join(f"{each}.mytools" for each in ("app", "graphs", "tests"))
        Path("graphs/own.py").write_text(f"import {names}\n{BUILDER}graph = builder")
        declare("./graphs/own.py:graph", name="own", dependencies=["."])

        # -P leaves the folder off the import path, as the installed command does
        listed = subprocess.run(
            [sys.executable, "-P", "-m", "seltzer.cli", "graphs"], capture_output=True, text=True, timeout=30
        )
        served = subprocess.run(
            [sys.executable, "-P", "-c", "from seltzer.main import create_app; create_app()"],
            capture_output=True,
            text=True,
            timeout=30,
        )

        assert (listed.returncode, served.returncode) == (0, 0), listed.stderr + served.stderr
        assert "graphs/own.py" in listed.stdout

    def test_the_file_may_lie_elsewhere(self, tmp_path: Path) -> None:
        declare(source=BUILDER + "graph = builder")
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep/langgraph.json").write_text('{"graphs": {"agent": "../agent.py:graph"}}')

        (graph,) = catalog.load(Path("deep/langgraph.json")).values()

        assert graph.file == tmp_path / "agent.py"

    def test_a_source_in_another_encoding_is_loaded(self) -> None:
        declare()
        source = "# -*- coding: latin-1 -*-\n# caf\xe9\n" + BUILDER + "graph = builder"
        Path("agent.py").write_bytes(source.encode("latin-1"))

        assert catalog.load(CONFIG)["agent"].line == 8


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

    def test_graphs_come_in_the_files_order(self) -> None:
        declare(source=BUILDER + "graph = builder")
        entries = dict.fromkeys(("zebra", "ant", "mole"), "./agent.py:graph")
        CONFIG.write_text(json.dumps({"graphs": entries}))

        assert list(catalog.load(CONFIG)) == ["zebra", "ant", "mole"]

    @pytest.mark.parametrize("factory", ["def graph():", "async def graph():", "def graph(config):"])
    def test_a_factory_that_raises_is_told_by_its_line(self, factory: str) -> None:
        declare(source=f"a = 1\n{factory}\n    raise KeyError('no key')\n")

        what, why, todo = refused()

        assert what == "graph 'agent' can't be loaded"
        assert why == "agent.py:3: KeyError: 'no key'"
        assert todo == "mend it, so that it returns a graph"

    def test_a_factory_that_asks_for_too_much_is_refused(self) -> None:
        declare(source="\ndef graph(config, more):\n    return 1\n")

        assert refused()[1].startswith(
            "agent.py:2: TypeError: graph() missing 1 required positional argument"
        )

    def test_a_graph_that_does_not_compile_is_told_by_its_line(self) -> None:
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
    def test_what_is_no_graph_is_refused(self, source: str, kind: str) -> None:
        declare(source=source)

        assert refused()[1] == f"agent.py:2: it is {kind!r}, not a graph, nor a function that returns one"

    def test_an_async_factory_is_made_where_a_loop_is_running(self) -> None:
        source = "import asyncio\nasync def graph():\n    await asyncio.sleep(0)\n    return builder"

        async def inside() -> Graph:
            return load(source=BUILDER + source)

        assert answer(asyncio.run(inside())) == "hello"


class TestRunnables:
    def test_any_runnable_is_wrapped_in_a_graph_of_one_step(self) -> None:
        graph = load(source="from langchain_core.runnables import RunnableLambda\n"
                            "graph = RunnableLambda(lambda x: x + 1)")  # fmt: skip

        assert (graph.is_wrapped, graph.takes_messages, graph.line) == (True, False, 2)
        assert isinstance(graph.served, RunnableLambda)
        assert asyncio.run(graph.pregel.ainvoke(1)) == 2
        assert list(graph.pregel.nodes) == ["agent"]

    def test_its_chunks_are_said_as_it_makes_them_and_add_up(self) -> None:
        graph = load(source="from langchain_core.runnables import RunnableGenerator\n"
                            "async def words(given):\n"
                            "    async for text in given:\n"
                            "        for word in text.split():\n"
                            "            yield word\n"
                            "graph = RunnableGenerator(words)")  # fmt: skip

        async def said() -> list[Any]:
            parts = graph.pregel.astream("one two three", stream_mode=["custom", "values"])
            return [part async for part in parts]

        assert asyncio.run(said()) == [
            ("custom", "one"), ("custom", "two"), ("custom", "three"), ("values", "onetwothree"),
        ]  # fmt: skip

    def test_one_that_says_nothing_gives_nothing(self) -> None:
        graph = load(source="from langchain_core.runnables import RunnableGenerator\n"
                            "async def silence(given):\n"
                            "    async for _ in given:\n"
                            "        if False:\n"
                            "            yield\n"
                            "graph = RunnableGenerator(silence)")  # fmt: skip

        assert asyncio.run(graph.pregel.ainvoke("x")) is None


class TestStates:
    STATE = """\
from collections.abc import Callable
{typing}
from langgraph.graph import START, MessagesState, StateGraph

class Table: ...
class State({base}):
    {field}

builder = StateGraph(State)
builder.add_node("say", lambda state: {{"messages": [("ai", "hello")]}})
builder.add_edge(START, "say")
graph = builder.compile()
"""
    FINE = "from typing_extensions import TypedDict"

    @pytest.mark.parametrize("field", ["table: Table", "when: Callable[[], int]"])
    def test_a_graph_on_messages_may_hold_what_no_schema_can_describe(self, field: str) -> None:
        graph = load(source=self.STATE.format(typing=self.FINE, base="MessagesState", field=field))

        assert graph.takes_messages
        assert answer(graph) == "hello"

    @pytest.mark.parametrize(
        ("typing", "field", "why"),
        [
            (FINE, "table: Table", "Unable to generate pydantic-core schema for"),
            (FINE, "when: Callable[[], int]", "Cannot generate a JsonSchema for"),
            ("from typing import TypedDict", "text: str", "Please use `typing_extensions.TypedDict`"),
        ],
    )
    def test_any_other_graph_must_have_schemas_to_be_served_with(
        self, typing: str, field: str, why: str
    ) -> None:
        declare(source=self.STATE.format(typing=typing, base="TypedDict", field=field))

        _, told, todo = refused()

        assert told.startswith(f"agent.py:12: its state has no JSON schema: {why}")
        assert "typing_extensions" in todo

    def test_a_graph_without_messages_takes_none(self) -> None:
        graph = load(source=self.STATE.format(typing=self.FINE, base="TypedDict", field="text: str"))

        assert not graph.takes_messages
