"""A graph's name and its address."""

import pytest

from seltzer import catalog
from seltzer.catalog.names import addresses, slug_of
from seltzer.main import RESERVED
from tests.catalog.project import BUILDER, CONFIG, declare, declare_all, refused

SOURCE = BUILDER + "graph = builder.compile()"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("agent", "agent"),
        ("my-agent_2", "my-agent_2"),
        ("1st", "1st"),
        ("_x", "_x"),
        ("Deep Researcher", "deep-researcher"),
        ("MyAgent", "myagent"),
        ("agent.v2", "agent-v2"),
        ("a/b", "a-b"),
        ("  a  b\n", "a-b"),
        ("Café Zoé", "cafe-zoe"),
        ("ＡＧＥＮＴ", "agent"),
        ("агент", "graph-01957d61"),
        ("agent агент", "graph-"),
        ("助手", "graph-"),
        ("🤖", "graph-"),
        ("", "graph-"),
        ("...", "graph-"),
        ("a" * 100, "a" * 63),
    ],
)
def test_every_name_has_a_slug(name: str, slug: str) -> None:
    found = slug_of(name)

    assert found.startswith(slug)
    assert found == slug_of(name)
    assert found.isascii()
    assert 0 < len(found) <= 63


@pytest.mark.parametrize("name", sorted(RESERVED - {"openapi.json"}))
def test_the_servers_own_names_are_served_under_graphs(name: str) -> None:
    declare(source=SOURCE, name=name)

    graph = catalog.load(CONFIG, reserved=RESERVED).graphs[name]

    assert (graph.name, graph.slug, graph.path) == (name, name, f"/graphs/{name}")


def test_which_names_are_the_servers_own_is_an_argument() -> None:
    declare(source=SOURCE, name="admin")

    loaded = catalog.load(CONFIG, reserved=frozenset({"admin"}))

    assert loaded.graphs["admin"].path == "/graphs/admin"


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        (["agent", "Agent"], ["/agent", "/graphs/agent"]),
        (["Agent", "agent"], ["/graphs/agent", "/agent"]),
        (["Agent", "AGENT", "agent"], ["/graphs/agent", "/graphs/agent-2", "/agent"]),
        (["a b", "a.b", "a/b"], ["/a-b", "/graphs/a-b", "/graphs/a-b-2"]),
        (["chat", "Chat"], ["/graphs/chat", "/graphs/chat-2"]),
        (["Chat", "chat", "CHAT"], ["/graphs/chat-2", "/graphs/chat", "/graphs/chat-3"]),
        (["x", "y"], ["/x", "/y"]),
    ],
)
def test_each_graph_has_an_address_of_its_own(names: list[str], paths: list[str]) -> None:
    given = addresses(names, frozenset({"chat"}))

    assert list(given) == names
    assert [each.path for each in given.values()] == paths


def test_the_true_name_stays_the_graphs_name() -> None:
    names = ["Deep Researcher", "MyAgent", "agent.v2", "_x", "агент", "chat", "store", "v1"]
    declare_all(dict.fromkeys(names, "./agent.py:graph"), SOURCE)

    loaded = catalog.load(CONFIG, reserved=RESERVED)

    assert list(loaded.graphs) == [graph.name for graph in loaded.graphs.values()] == names
    assert len({graph.path for graph in loaded.graphs.values()}) == len(names)


@pytest.mark.parametrize(
    "entry", ["agent.py", "./agent.py:", ":graph", "./agent.py:a-b", "", "./agent.py:a.b"]
)
def test_an_entry_without_a_variable_is_refused(entry: str) -> None:
    declare(entry)

    assert refused()[1] == f"langgraph.json:3: {entry!r} names no variable"
