"""A graph that can't be loaded, beside others that can."""

import logging

import pytest

from seltzer import catalog
from seltzer.errors import LoadError
from tests.catalog.project import BUILDER, CONFIG, declare, declare_all, opened, refused

SOURCE = BUILDER + "graph = builder\nnumber = 7\ndef makes_nothing(): return None\n"
KINDS = [
    ("./missing.py:graph", "missing.py doesn't exist"),
    ("./agent.ts:graph", "agent.ts is JavaScript; this server runs Python graphs"),
    ("./agent.py:nothing", "agent.py has no 'nothing'"),
    ("./agent.py:number", "it is 'int', not a graph"),
    ("./agent.py:makes_nothing", "it is 'NoneType', not a graph"),
    ("no_such_module:graph", "No module named 'no_such_module'"),
    ("agent.py", "names no variable"),
    ({"path": "./agent.py:graph", "answer": ["write"]}, "there is no node 'write'; of nodes it has say"),
]


@pytest.mark.parametrize(("entry", "why"), KINDS)
def test_the_others_are_served(caplog: pytest.LogCaptureFixture, entry: object, why: str) -> None:
    declare_all({"first": "./agent.py:graph", "bad": entry, "last": "./agent.py:graph"}, SOURCE)

    with caplog.at_level(logging.WARNING):
        loaded = opened(catalog.load(CONFIG))

    assert list(loaded.graphs) == ["first", "last"]
    assert why in loaded.broken["bad"].reason.why
    assert "graph 'bad' can't be loaded" in caplog.text


@pytest.mark.parametrize(("entry", "why"), KINDS)
def test_a_strict_catalog_refuses(entry: object, why: str) -> None:
    declare_all({"first": "./agent.py:graph", "bad": entry}, SOURCE)

    assert why in refused(is_strict=True)[1]


@pytest.mark.parametrize(("entry", "why"), KINDS)
def test_without_a_graph_that_can_be_loaded_there_is_no_start(
    caplog: pytest.LogCaptureFixture, entry: object, why: str
) -> None:
    declare_all({"bad": entry, "worse": entry}, SOURCE)

    with pytest.raises(LoadError) as error:
        opened(catalog.load(CONFIG))

    first, *lines = str(error.value).splitlines()
    assert first == "no graph of langgraph.json can be loaded"
    assert lines[0::3] == ["graph 'bad' can't be loaded", "graph 'worse' can't be loaded"]
    assert all(why in line for line in lines[1::3])
    assert all(line.startswith("  do:  ") for line in lines[2::3])
    assert not caplog.records  # each reason is given once


@pytest.mark.parametrize("source", ["raise ValueError", "async def graph(): raise ValueError"])
def test_the_only_graphs_reason_is_given_once(caplog: pytest.LogCaptureFixture, source: str) -> None:
    declare(source=source)

    assert refused()[1].startswith("agent.py:1: ValueError")
    assert not caplog.records


def test_a_reason_is_logged_once_however_often_the_catalog_is_opened(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asynchronous = "\nasync def later(): raise ValueError"
    graphs = {"fine": "./agent.py:graph", "bad": "./agent.py:number", "late": "./agent.py:later"}
    declare_all(graphs, SOURCE + asynchronous)

    opened(opened(catalog.load(CONFIG)))

    names = [record.getMessage().split("'")[1] for record in caplog.records]
    assert names == ["bad", "late"]


@pytest.mark.parametrize(
    ("source", "todo"),
    [
        ("import os\nos.environ['COMPANY_API_KEY']", "set COMPANY_API_KEY in the environment"),
        ("import os\nos.environ['COMPANY_DSN']", "set COMPANY_DSN in the environment"),
        ("{}['Name']", "fix it; to see the whole error: seltzer graphs --verbose"),
        ("raise ValueError('pass api_key, or set `ACME_API_KEY`')", "set ACME_API_KEY in the environment"),
        ("def graph(): raise ValueError('set ACME_TOKEN')", "set ACME_TOKEN in the environment"),
        ("from seltzer.models import chat_model\nchat_model()", "correct the setting in the environment"),
    ],
)
def test_a_setting_that_is_missing_is_what_to_do(
    monkeypatch: pytest.MonkeyPatch, source: str, todo: str
) -> None:
    monkeypatch.setenv("MODEL", "openai:gpt-4o")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    declare(source=source)

    assert refused()[2].startswith(todo)


@pytest.mark.parametrize(
    ("source", "public"),
    [
        ("raise ValueError('sk-secret')", "agent.py:1: ValueError"),
        ("raise KeyError('sk-secret')", "agent.py:1: KeyError"),
        ("def graph(): raise RuntimeError('sk-secret: sk-secret')", "agent.py:1: RuntimeError"),
        ("async def graph(): raise OSError('sk-secret')", "agent.py:1: OSError"),
        ("import sk_missing", "agent.py:1: ModuleNotFoundError: No module named 'sk_missing'"),
    ],
)
def test_clients_dont_see_an_exceptions_text(source: str, public: str) -> None:
    (CONFIG.parent / "fine.py").write_text(BUILDER + "graph = builder")
    declare_all({"fine": "./fine.py:graph", "bad": "./agent.py:graph"}, source)

    broken = opened(catalog.load(CONFIG)).broken["bad"]

    assert str(broken.error()) == f"graph 'bad' can't be loaded: {public}"


def test_each_request_gets_an_error_of_its_own() -> None:
    """One that is raised again keeps the frames of each time, and with them its request."""
    (CONFIG.parent / "fine.py").write_text(BUILDER + "graph = builder")
    declare_all({"fine": "./fine.py:graph", "bad": "./agent.py:graph"}, "raise ValueError")

    broken = opened(catalog.load(CONFIG)).broken["bad"]

    assert broken.error() is not broken.error()


def test_a_file_that_two_graphs_name_is_executed_once() -> None:
    source = SOURCE + "from pathlib import Path\nwith Path('log').open('a') as log: log.write('x')\n"
    declare_all(dict.fromkeys(("a", "b", "c"), "./agent.py:graph"), source)

    loaded = catalog.load(CONFIG)

    assert (CONFIG.parent / "log").read_text() == "x"
    assert loaded.graphs["a"].pregel is not None


@pytest.mark.parametrize(
    ("importing", "attribute"),
    [("import agent", "agent.State"), ("from agent import State", "State"), ("import agent as a", "a.State")],
)
def test_a_file_is_the_module_that_others_import(importing: str, attribute: str) -> None:
    state = "import dataclasses\n@dataclasses.dataclass\nclass State:\n    a: int\nis_same = None\n"
    other = f"{importing}\n{SOURCE}State = {attribute}\n"
    (CONFIG.parent / "other.py").write_text(other)
    declare_all({"a": "./agent.py:graph", "b": "./other.py:graph"}, SOURCE + state)

    loaded = catalog.load(CONFIG)

    assert not loaded.broken
    import sys

    assert sys.modules["other"].State is sys.modules["agent"].State


@pytest.mark.parametrize("saver", ["InMemorySaver()", "True", "None", "False"])
@pytest.mark.parametrize(
    "how", ["builder.compile(checkpointer={})", "entrypoint(checkpointer={})(lambda x: x)"]
)
def test_a_checkpointer_that_is_replaced_is_named(
    caplog: pytest.LogCaptureFixture, saver: str, how: str
) -> None:
    head = "from langgraph.checkpoint.memory import InMemorySaver\nfrom langgraph.func import entrypoint\n"
    declare_all({"agent": "./agent.py:graph"}, head + BUILDER + "graph = " + how.format(saver))

    catalog.load(CONFIG)

    lines = [record.getMessage() for record in caplog.records]
    replaced = ["agent.py:8: its InMemorySaver is replaced by the server's own checkpointer"]
    assert lines == (replaced if saver == "InMemorySaver()" else [])
