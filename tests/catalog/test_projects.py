"""Where a project's modules are found: dependencies, src layouts, uv projects."""

import json
from pathlib import Path
from typing import Any

import pytest

from seltzer import catalog
from tests.catalog.project import BUILDER, CONFIG, answer, declare, declare_all, only_graph, refused

SOURCE = "from my_answers import TEXT\n" + BUILDER.replace('"hello"', "TEXT") + "graph = builder"
SETUPTOOLS = '[project]\nname = "p"\n[tool.setuptools.package-dir]\n"" = "{}"\n'


def write(path: str, text: str = "TEXT = 'found'") -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("where", "keys", "project"),
    [
        ("sub", {"dependencies": ["sub"]}, {}),
        ("sub", {"dependencies": ["./sub"]}, {}),
        ("a/b", {"dependencies": ["a/b"]}, {}),
        ("sub", {"dependencies": ["sub/"]}, {}),
        (".", {"dependencies": []}, {}),
        (".", {"dependencies": ["langchain"]}, {}),
        ("src", {"dependencies": ["."]}, {"pyproject.toml": '[project]\nname = "p"\n'}),
        ("src", {}, {}),
        ("lib", {"dependencies": ["."]}, {"pyproject.toml": SETUPTOOLS.format("lib")}),
        (
            "lib",
            {"dependencies": ["."]},
            {"pyproject.toml": '[tool.setuptools.packages.find]\nwhere = ["lib"]\n'},
        ),
        (
            "python",
            {"dependencies": ["."]},
            {"pyproject.toml": '[tool.poetry]\npackages = [{include = "x", from = "python"}]\n'},
        ),
        (
            "python",
            {"dependencies": ["."]},
            {"pyproject.toml": '[tool.hatch.build.targets.wheel]\npackages = ["python/p"]\n'},
        ),
        ("sub/src", {"dependencies": ["sub"]}, {"sub/pyproject.toml": '[project]\nname = "p"\n'}),
        ("src", {"source": {"kind": "uv", "root": "."}}, {"pyproject.toml": '[project]\nname = "p"\n'}),
        (
            "packages/one/src",
            {"source": {"kind": "uv", "root": "."}},
            {
                "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
                "packages/one/pyproject.toml": '[project]\nname = "one"\n',
            },
        ),
    ],
)
def test_a_projects_modules_are_found(where: str, keys: dict[str, Any], project: dict[str, str]) -> None:
    for path, text in project.items():
        write(path, text)
    write(f"{where}/my_answers.py")
    declare_all({"agent": "./agent.py:graph"}, SOURCE, **keys)

    assert answer(only_graph(catalog.load(CONFIG))) == "found"


def test_a_package_that_setuptools_maps_to_a_folder_is_found() -> None:
    write("src/react_agent/__init__.py", "")
    write("src/react_agent/parts.py")
    write("pyproject.toml", '[tool.setuptools.package-dir]\n"react_agent" = "src/react_agent"\n')
    declare(source=SOURCE.replace("my_answers", "react_agent.parts"))

    assert answer(only_graph(catalog.load(CONFIG))) == "found"


@pytest.mark.parametrize("importing", ["from .parts import TEXT", "from my_agent.parts import TEXT"])
@pytest.mark.parametrize("package", ["src/my_agent", "my_agent"])
def test_a_file_of_a_package_imports_its_neighbours(package: str, importing: str) -> None:
    write(f"{package}/__init__.py", "")
    write(f"{package}/parts.py")
    write(f"{package}/graph.py", SOURCE.replace("from my_answers import TEXT", importing))
    declare(f"./{package}/graph.py:graph")

    graph = only_graph(catalog.load(CONFIG))

    assert answer(graph) == "found"
    assert graph.file == Path(package, "graph.py").resolve()


def test_a_project_above_langgraph_json_is_found_by_its_source() -> None:
    write("pyproject.toml", '[project]\nname = "p"\n')
    write("src/my_answers.py")
    write("deploy/agent.py", SOURCE)
    file = {"graphs": {"agent": "./agent.py:graph"}, "source": {"kind": "uv", "root": ".."}}
    write("deploy/langgraph.json", json.dumps(file))

    assert answer(only_graph(catalog.load(Path("deploy/langgraph.json")))) == "found"


@pytest.mark.parametrize("pyproject", ["not toml", "", "tool = 7", '[tool]\nsetuptools = "x"\n'])
def test_a_pyproject_without_packages_does_no_harm(pyproject: str) -> None:
    write("pyproject.toml", pyproject)
    write("src/my_answers.py")
    declare(source=SOURCE, dependencies=["."])

    assert answer(only_graph(catalog.load(CONFIG))) == "found"


class TestMissingModules:
    @pytest.mark.parametrize(
        ("module", "project"),
        [
            ("my_project", {"pyproject.toml": '[project]\nname = "my-project"\n'}),
            ("my_project.parts", {"pyproject.toml": '[project]\nname = "My.Project"\n'}),
            ("inner", {"pyproject.toml": "", "python/inner/__init__.py": ""}),
            ("inner", {"setup.py": "", "python/inner/__init__.py": ""}),
            ("inner.deep", {"setup.cfg": "", "code/inner/x.py": ""}),
        ],
    )
    def test_the_projects_own_is_to_be_installed(self, module: str, project: dict[str, str]) -> None:
        for path, text in project.items():
            write(path, text)
        declare(source=f"import {module}\n")

        todo = refused()[2]

        assert todo.startswith(f"install your project, whose package {module.partition('.')[0]!r} is: ")
        assert todo.endswith(f"pip install -e {Path.cwd()}")

    @pytest.mark.parametrize("module", ["no_such_thing", "no_such_thing.deep", "no_such_thing.a.b"])
    def test_another_package_is_named(self, module: str) -> None:
        declare(source=f"import {module}\n")

        assert refused()[2].startswith("install the package that has 'no_such_thing' in this environment")


@pytest.mark.parametrize("name", ["./missing", "../nowhere_at_all", "./a/b"])
def test_a_folder_that_isnt_there_is_named(caplog: pytest.LogCaptureFixture, name: str) -> None:
    declare(source=BUILDER + "graph = builder", dependencies=[name])

    catalog.load(CONFIG)

    (record,) = caplog.records
    assert record.getMessage() == f"langgraph.json:5: dependencies: there is no folder {name!r}"
