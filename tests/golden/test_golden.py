"""The golden logs are what the server emits today. `make golden` records them anew: review the difference."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT, choose_demo, make_app
from tests.golden.recording import Recording, Scenario
from tests.serving import Served, serving, write_graphs

FOLDER = Path(__file__).parent
IS_RECORDING = os.environ.get("GOLDEN") == "record"
IMAGE = "data:image/png;base64,iVBORw0KGgo="
SCENARIOS: dict[str, tuple[str, Scenario]] = {}
OWN = (
    "plain", "reasoning", "broken", "tools", "client_tools", "subgraph", "parallel", "one_question",
    "two_questions", "breakpoint_", "waiting", "no_messages", "custom", "structured", "handed_over",
    "spoken_call", "direct", "hanging", "both_sides", "renamed", "tagged", "structured_call",
)  # fmt: skip
SHIPPED = ("agent", "approval", "llm", "completion")


def scenario(graph: str) -> Callable[[Scenario], Scenario]:
    """Record what the function does with a graph, under the function's name."""

    def add(function: Scenario) -> Scenario:
        SCENARIOS[function.__name__.replace("_", "-").strip("-")] = graph, function
        return function

    return add


for name, graph, question in (
    ("plain", "plain", "hi"),
    ("reasoning", "reasoning", "which colour?"),
    ("failed", "broken", "hi"),
    ("tools", "tools", "add"),
    ("subgraphs", "subgraph", "find it"),
    ("parallel", "parallel", "both"),
    ("custom", "custom", "work"),
    ("structured", "structured", "who?"),
    ("handed-over", "handed_over", "who knows?"),
    ("direct", "direct", "quote"),
    ("both-sides", "both_sides", "who?"),
    ("renamed", "renamed", "find it"),
    ("tagged", "tagged", "which colour?"),
    ("structured-call", "structured_call", "who?"),
    ("agent", "agent", "what is the square root of 71?"),
):
    SCENARIOS[name] = graph, lambda talk, question=question: talk.run(input=question)  # type: ignore[misc]


@scenario("no_messages")
def no_messages(talk: Recording) -> None:
    talk.run(input={"topic": "cats"})


@scenario("client_tools")
def client_tools(talk: Recording) -> None:
    talk.run(input="where am I?")
    result = {"role": "tool", "tool_call_id": "call-1", "content": "Berlin"}
    talk.run(input={"messages": [result]})


@scenario("spoken_call")
def spoken_call(talk: Recording) -> None:
    talk.run(input="where am I?")


@scenario("hanging")
def cancelled_in_tool(talk: Recording) -> None:
    talk.start(input="wait")
    talk.cancel_at("update", 1)


@scenario("one_question")
def one_question(talk: Recording) -> None:
    talk.run(input="ask me")
    talk.answer(resume="the left one")


@scenario("two_questions")
def two_questions(talk: Recording) -> None:
    talk.run(input="ask me")
    asked = talk.lines[-1]["data"]["interrupts"]
    talk.answer(answers={each["id"]: f"answer to {each['value']}" for each in asked})


@scenario("breakpoint_")
def static_breakpoint(talk: Recording) -> None:
    talk.run(input="hi")
    talk.answer(resume=None)


@scenario("approval")
def approval(talk: Recording) -> None:
    talk.run(input="send an email to ada@example.org: hello")
    talk.answer(resume="yes")


@scenario("waiting")
def cancelled(talk: Recording) -> None:
    talk.start(input="hi")
    talk.cancel_at("token", 4)


@scenario("plain")
def edits(talk: Recording) -> None:
    talk.run(input="one")
    talk.run(input="two")
    talk.run()
    talk.run(input="other", from_message=talk.messages()[0]["id"])


@scenario("plain")
def images(talk: Recording) -> None:
    parts = [{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
    talk.run(input={"messages": [{"role": "user", "content": parts}]})


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    entries = {each: f"{FOLDER / 'graphs.py'}:{each}" for each in OWN}
    entries |= {each: f"{ROOT / 'graphs' / each}.py:graph" for each in SHIPPED}
    return write_graphs(tmp_path_factory.mktemp("golden"), entries)


@pytest.fixture(scope="module")
def served(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with demo(config, tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_golden_log_is_what_the_server_emits(served: Served, name: str) -> None:
    graph, talk = SCENARIOS[name]
    recording = Recording(served.url, graph, f"golden-{name}")

    talk(recording)

    check(name, recording)


def test_the_golden_log_of_a_second_attempt_is_what_the_server_emits(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording("", "waiting", "golden-attempts")
    with demo(config, tmp_path, drain_s=0) as first:
        recording.url = first.url
        recording.start(input="hi")
        recording.wait_for("token", 4)

    monkeypatch.setenv("GOLDEN_GATE", "open")
    with demo(config, tmp_path) as again:
        recording.url = again.url
        recording.read()

        check("attempts", recording)


@contextmanager
def demo(config: Path, data: Path, **given: object) -> Iterator[Served]:
    """Serve the graphs with the demo model for those that ask for one."""
    with pytest.MonkeyPatch.context() as patch:
        choose_demo(patch)
        app = make_app(config=config, data=data, **given)
    with serving(app) as running:
        yield running


def check(name: str, recording: Recording) -> None:
    """Compare the recording with the golden log, or write that."""
    file, lines = FOLDER / f"{name}.jsonl", recording.finish()
    if IS_RECORDING:
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert file.read_text(encoding="utf-8").splitlines() == lines
