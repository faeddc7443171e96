"""Projects in the styles of public ones are served by the installed wheel as their authors meant it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langserve import RemoteRunnable

from tests.packaging.environment import Environment, serving
from tests.projects.examples import EXAMPLES, Example, copy_project
from tests.projects.ways import WAYS, Way, answer_of, by_invoke, in_terminal, output_of, pieces, run_events

UrlOf = Callable[[str], str]
pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning")


each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.graph)


@each_example
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_its_answer_is_plain_langgraphs(url_of: UrlOf, example: Example, way: Way) -> None:
    answer = way(url_of(example.project), example.graph, example.path)

    assert example.is_answered_by(answer), answer


@each_example
def test_its_answer_is_streamed_a_word_a_piece(url_of: UrlOf, example: Example) -> None:
    got = pieces(url_of(example.project), example.path)

    assert len([each for each in got if each]) == len("".join(got).split(" ")) > 3


@each_example
def test_it_answers_in_the_terminal(
    url_of: UrlOf, environment: Environment, example: Example, tmp_path: Path
) -> None:
    url = url_of(example.project)

    answer = in_terminal(environment, tmp_path, "--url", url, "--graph", example.graph)

    assert example.is_answered_by(answer), answer


def test_the_terminal_asks_a_projects_graph_without_a_server(
    environment: Environment, tmp_path: Path
) -> None:
    folder = copy_project("sessions", tmp_path)

    assert in_terminal(environment, folder) == "hello, search done, 1 open, said plainly"


def test_the_server_is_the_wheels(environment: Environment, tmp_path: Path) -> None:
    assert environment.imported_from(tmp_path) == environment.packages


def test_the_shared_store_outlives_the_server_and_a_graphs_own_doesnt(
    environment: Environment, tmp_path: Path
) -> None:
    folder, answers = copy_project("notes", tmp_path), []
    for _ in range(2):
        with serving(environment, folder) as url:
            answers += [by_invoke(url, "", path) for path in ("/shared_store", "/own-store")]

    assert answers == [
        "question number 1 in the shared store",
        "question number 1 in my own store",
        "question number 2 in the shared store",
        "question number 1 in my own store",
    ]


def test_a_deep_agents_work_is_in_its_events(url_of: UrlOf) -> None:
    events = list(run_events(url_of("deep_researcher"), "/deep-researcher", {"input": "hi"}))

    tools = [data["name"] for kind, data in events if kind == "tool_call" and data["name"]]
    assert tools == ["write_todos", "task", "write_file", "read_file"]
    said_by_reader = [data["text"] for kind, data in events if kind == "token" and data["channel"] == "step"]
    assert "".join(said_by_reader) == "I wrote it down for you."
    assert answer_of(events) == "The moon makes the tides, as my notes say."


def test_context_config_and_the_states_other_keys_reach_the_graph(url_of: UrlOf) -> None:
    url, answer = url_of("briefing"), "warm French for Ada on tides from 130 sources"
    asked = {"messages": "hi", "topic": "tides"}
    context, language = {"name": "Ada", "tone": "warm"}, {"language": "French"}
    body = {"input": asked, "context": context, "config": {"configurable": language}}
    config: Any = {"configurable": {**context, **language}}

    events = list(run_events(url, "/briefing", body))
    remote: RemoteRunnable[Any, str] = RemoteRunnable(f"{url}/briefing")

    assert answer_of(events) == output_of(url, "/briefing", events) == answer
    assert remote.invoke(asked, config) == "".join(remote.stream(asked, config)) == answer
