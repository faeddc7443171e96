"""Files and modules that langgraph.json names, and the import path they find theirs on."""

import subprocess
import sys
from pathlib import Path

import pytest

from seltzer import catalog
from tests.catalog.project import (
    BUILDER,
    CONFIG,
    answer,
    declare,
    load,
    only_graph,
    refused,
)


class TestTargets:
    def test_a_missing_file_is_named(self) -> None:
        declare("./graphs/other.py:graph")

        assert refused()[1] == "langgraph.json:3: graphs/other.py doesn't exist"

    def test_a_file_that_is_not_python_is_refused(self) -> None:
        Path("agent.txt").write_text("")
        declare("./agent.txt:graph")

        assert refused()[1] == "langgraph.json:3: agent.txt isn't a Python file"

    def test_a_missing_variable_is_named_with_the_graphs_there_are(self) -> None:
        declare("./agent.py:missing", BUILDER + "second = builder.compile()\nnumber = 7")

        _, why, todo = refused()

        assert why == "langgraph.json:3: agent.py has no 'missing'; of graphs it has builder, second"
        assert todo == "define missing there, or name another at langgraph.json:3"

    def test_a_missing_variable_is_named_where_there_are_no_graphs(self) -> None:
        declare("./agent.py:missing", "number = 7")

        assert refused()[1].endswith("has no 'missing'; of graphs it has none")

    def test_a_syntax_error_is_named_by_its_line(self) -> None:
        declare(source="a = 1\nb = = 2\n")

        assert refused()[1] == "agent.py:2: invalid syntax"

    def test_a_syntax_error_in_an_imported_file_is_named_there(self) -> None:
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
    def test_an_error_at_import_is_named_by_the_line_of_the_users_file(self, source: str, why: str) -> None:
        declare(source=source)

        _, reason, todo = refused()

        assert reason.startswith(why)
        assert todo.endswith("fix it; to see the whole error: seltzer graphs --verbose")

    @pytest.mark.parametrize(
        ("entry", "near"),
        [("./agnt.py:graph", "; is it agent.py?"), ("./quite/else.py:graph", ""), ("./zzz.py:graph", "")],
    )
    def test_a_mistyped_file_gets_the_nearest(self, entry: str, near: str) -> None:
        declare(entry)

        assert refused()[1].endswith(f"doesn't exist{near}")

    def test_an_error_of_a_model_is_named_by_the_line_that_asks_for_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MODEL", "openai:gpt-4o")
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
            monkeypatch.delenv(name, raising=False)
        declare(source="from seltzer.models import chat_model\n\nmodel = chat_model()\n")

        assert refused()[1].startswith("agent.py:3: ModelNotConfigured: ")

    @pytest.mark.parametrize("name", ["mine.missing", "json.missing"])
    def test_a_module_that_a_package_lacks_is_nothing_to_install(self, name: str) -> None:
        Path("mine").mkdir()
        Path("mine/__init__.py").touch()
        Path("pyproject.toml").write_text("[project]\nname = 'mine'\n")
        declare(source=f"import {name}\n")

        assert refused()[2].startswith("fix it; ")

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
    def test_a_module_without_a_graph_is_refused(self, entry: str, why: str) -> None:
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

    def test_the_file_may_be_elsewhere(self, tmp_path: Path) -> None:
        declare(source=BUILDER + "graph = builder")
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep/langgraph.json").write_text('{"graphs": {"agent": "../agent.py:graph"}}')

        graph = only_graph(catalog.load(Path("deep/langgraph.json")))

        assert graph.file == tmp_path / "agent.py"

    def test_a_source_in_another_encoding_is_loaded(self) -> None:
        declare()
        source = "# -*- coding: latin-1 -*-\n# caf\xe9\n" + BUILDER + "graph = builder"
        Path("agent.py").write_bytes(source.encode("latin-1"))

        assert only_graph(catalog.load(CONFIG)).line == 8
