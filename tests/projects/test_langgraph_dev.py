"""The same projects run under `langgraph dev`, unmodified, and answer alike."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.packaging.environment import Environment, langgraph_dev
from tests.patience import PATIENCE_S
from tests.projects.examples import EXAMPLES, Example, copy_project

RUNNABLE = [example for example in EXAMPLES if not example.has_store]


@pytest.fixture(scope="module")
def dev(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One `langgraph dev` over all of them: their files are put together into one."""
    folder = tmp_path_factory.mktemp("dev")
    graphs, dependencies, env = dict[str, str](), list[str](), dict[str, str]()
    for project in dict.fromkeys(example.project for example in RUNNABLE):
        copied = copy_project(project, folder)
        declared = json.loads((copied / "langgraph.json").read_text())
        dependencies += [f"./{project}/{each}" for each in declared["dependencies"]]
        env |= declared.get("env", {})
        names = [example.graph for example in RUNNABLE if example.project == project]
        for name, entry in ((name, declared["graphs"][name]) for name in names):
            path = entry if isinstance(entry, str) else entry["path"]
            graphs[name] = f"./{project}/{path}" if path.startswith("./") else path
    together = {"dependencies": dependencies, "graphs": graphs, "env": env}
    (folder / "langgraph.json").write_text(json.dumps(together))
    with langgraph_dev(environment, folder) as url:
        yield url


@pytest.mark.parametrize("example", RUNNABLE, ids=lambda example: example.graph)
def test_langgraphs_own_server_returns_the_same_answer(dev: str, example: Example) -> None:
    body = {"assistant_id": example.graph, "input": {"messages": [{"role": "user", "content": "hi"}]}}

    state = httpx.post(f"{dev}/runs/wait", json=body, timeout=PATIENCE_S).raise_for_status().json()

    assert example.is_answered_by(state["messages"][-1]["content"]), state
