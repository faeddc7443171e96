"""The native routes' bodies -> RunSpecs, without a server."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import ConfigurableField, ConfigurableFieldSpec, Runnable, RunnableLambda
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph
from pydantic import BaseModel
from typing_extensions import TypedDict

from seltzer.errors import InvalidInput, NotInterrupted, UnknownRun
from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.native.bodies import check_checkpoint_id
from seltzer.protocols.native.request import (
    answer_spec,
    check_run_id,
    run_id_of,
    start_spec,
)
from seltzer.runs.event import Event
from seltzer.runs.graph import Graph
from seltzer.runs.run import Labels, Run, RunSpec
from tests.runs.scripted import Messages, agent, named

AGENT = named(agent())["agent"]
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)
LIMITS = InputLimits()


class Counted(TypedDict):
    """A state that isn't messages."""

    count: int
    note: str


class Opaque:
    """A type that no schema can describe."""


def graph(pregel: Any, served: Runnable[Any, Any] | None = None, *, takes_messages: bool = False) -> Graph:
    return Graph("g", pregel, served or pregel, takes_messages, Path("g.py"), 1)


def counter() -> Graph:
    builder = StateGraph(Counted)
    builder.add_node("add", lambda state: {"count": state["count"] + 1})
    builder.add_edge(START, "add")
    return graph(builder.compile())


def wrapped(served: Runnable[Any, Any]) -> Graph:
    @entrypoint()
    def step(value: Any) -> Any:
        return served.invoke(value)

    return graph(step, served)


def spec(body: Any, of: Graph = AGENT, key: str | None = None) -> RunSpec:
    return start_spec(body, of, LIMITS, key)


class TestStart:
    def test_a_text_is_a_human_message_on_a_new_thread(self) -> None:
        one, other = spec({"input": "hello"}), spec({"input": "hello"})

        (message,) = one.input["messages"]
        assert isinstance(message, HumanMessage)
        assert message.text == "hello"
        assert (one.graph, one.max_steps, one.on_busy, one.attached) == ("agent", 0, "reject", False)
        assert (one.configurable, one.answers, one.checkpoint_id) == ({}, None, None)
        assert one.thread_id != other.thread_id
        assert one.run_id != other.run_id

    def test_every_option_is_accepted(self) -> None:
        asked = spec(
            {
                "input": {"messages": [{"role": "user", "content": "hi", "id": "mine"}]},
                "thread_id": "t-1",
                "config": {"configurable": {"thread_id": "t-1"}, "recursion_limit": 7},
                "on_busy": "enqueue",
                "from_checkpoint": "1f1e5978-878f-69b6-8000-3c81d95d9de7",
            }
        )

        assert asked.input["messages"][0].id == "mine"
        assert (asked.thread_id, asked.max_steps, asked.on_busy) == ("t-1", 7, "enqueue")
        assert asked.checkpoint_id == "1f1e5978-878f-69b6-8000-3c81d95d9de7"

    def test_every_message_gets_an_id_so_that_a_retry_adds_none_twice(self) -> None:
        messages = spec({"input": [["user", "a"], ["assistant", "b"], ["user", "c"]]}).input["messages"]

        assert [type(message) for message in messages] == [HumanMessage, AIMessage, HumanMessage]
        assert len({message.id for message in messages} - {None}) == 3

    def test_a_thread_may_be_named_in_the_config(self) -> None:
        assert spec({"input": "x", "config": {"configurable": {"thread_id": "t"}}}).thread_id == "t"

    @pytest.mark.parametrize(
        ("text", "title"),
        [
            ("  what is\n\n the\tsquare root?  ", "what is the square root?"),
            ("x" * 500, "x" * 80),
            ("漢字 " * 100, ("漢字 " * 100)[:80]),
        ],
    )
    def test_a_new_threads_title_is_the_first_human_message(self, text: str, title: str) -> None:
        messages = [["assistant", "hello"], ["user", text], ["user", "more"]]

        assert spec({"input": {"messages": messages}}).title == title

    def test_a_conversation_without_a_human_has_no_title(self) -> None:
        assert spec({"input": [["assistant", "hello"]]}).title == ""

    def test_other_inputs_of_a_graph_on_messages_are_handed_on(self) -> None:
        class Spoken(Messages):
            language: str

        builder = StateGraph(Spoken)
        builder.add_node("say", lambda state: {})
        builder.add_edge(START, "say")
        spoken = graph(builder.compile(), takes_messages=True)

        assert spec({"input": {"messages": "hi", "language": "de"}}, spoken).input["language"] == "de"
        with pytest.raises(InvalidInput, match=r"^input\.tone: is not known; known: messages, language"):
            spec({"input": {"messages": "hi", "tone": "x"}}, spoken)

    def test_another_graph_gets_its_input_as_it_was_sent(self) -> None:
        asked = spec({"input": {"count": 1, "note": "x"}}, counter())

        assert (asked.input, asked.title) == ({"count": 1, "note": "x"}, "")

    def test_a_bare_runnable_gets_its_input_as_it_was_sent(self) -> None:
        assert spec({"input": "hi"}, wrapped(FakeListChatModel(responses=["x"]))).input == "hi"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ([], "body"),
            (None, "body"),
            ("hello", "body"),
            ({}, "input"),
            ({"input": None}, "input"),
            ({"input": 5}, "input"),
            ({"input": ""}, "input"),
            ({"input": []}, "input"),
            ({"input": {}}, "input.messages"),
            ({"input": {"messages": [{"role": "alien", "content": "x"}]}}, "input.messages.0"),
            ({"input": {"messages": "x", "more": 1}}, "input.more"),
            ({"input": "x" * 300_000}, "input"),
            ({"input": "x", "thread": "t"}, "thread"),
            ({"input": "x", "thread_id": None}, "thread_id"),
            ({"input": "x", "thread_id": 5}, "thread_id"),
            ({"input": "x", "thread_id": ""}, "thread_id"),
            ({"input": "x", "thread_id": "a b"}, "thread_id"),
            ({"input": "x", "thread_id": "-a"}, "thread_id"),
            ({"input": "x", "thread_id": "a" * 129}, "thread_id"),
            ({"input": "x", "thread_id": "a\n"}, "thread_id"),
            ({"input": "x", "thread_id": {"a": 1}}, "thread_id"),
            ({"input": "x", "config": []}, "config"),
            ({"input": "x", "config": {"tags": "a"}}, "config.tags"),
            ({"input": "x", "config": {"tags": [1]}}, "config.tags.0"),
            ({"input": "x", "config": {"metadata": []}}, "config.metadata"),
            ({"input": "x", "config": {"metadata": {"__x": 1}}}, "config.metadata.__x"),
            ({"input": "x", "config": {"run_name": 1}}, "config.run_name"),
            ({"input": "x", "config": {"callbacks": []}}, "config.callbacks"),
            ({"input": "x", "context": {"user_id": "1"}}, "context"),
            ({"input": "x", "context": []}, "context"),
            (
                {"input": "x", "config": {"configurable": {"thread_id": None}}},
                "config.configurable.thread_id",
            ),
            (
                {"input": "x", "thread_id": "a", "config": {"configurable": {"thread_id": "b"}}},
                "thread_id",
            ),
            *(
                ({"input": "x", "config": {"configurable": {key: "x"}}}, f"config.configurable.{key}")
                for key in (
                    *("__pregel_task_id", "__pregel_send", "checkpoint_id", "checkpoint_ns"),
                    *("checkpoint_map", "__anything", "on_busy", "langgraph_auth_user"),
                    *("langgraph_auth_user_id", "langgraph_auth_permissions"),
                )
            ),
            *(
                ({"input": "x", "config": {"recursion_limit": limit}}, "config.recursion_limit")
                for limit in (0, 1_001, -1, 2.5, "5", True)
            ),
            ({"input": "x", "on_busy": "wait"}, "on_busy"),
            ({"input": "x", "on_busy": ["reject"]}, "on_busy"),
            ({"input": "x", "from_checkpoint": "c"}, "thread_id"),
            ({"input": "x", "thread_id": "t", "from_checkpoint": None}, "from_checkpoint"),
            ({"input": "x", "thread_id": "t", "from_checkpoint": ""}, "from_checkpoint"),
            ({"input": "x", "thread_id": "t", "from_checkpoint": "a'; --"}, "from_checkpoint"),
            ({"input": "x", "thread_id": "t", "from_checkpoint": 5}, "from_checkpoint"),
        ],
    )
    def test_what_is_not_accepted_is_refused_by_its_field(self, body: Any, field: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            spec(body)

        assert refused.value.field == field
        assert len(str(refused.value)) < 500

    @pytest.mark.parametrize(
        "nulls",
        [
            {"config": None},
            {"context": None, "on_busy": None},
            {"config": {"configurable": None, "recursion_limit": None}},
            {"config": {"tags": None, "metadata": None, "run_name": None}},
        ],
        ids=lambda nulls: ", ".join(nulls),
    )
    def test_null_counts_as_left_out(self, nulls: Any) -> None:
        given, plain = spec({"input": "x", **nulls}), spec({"input": "x"})

        assert (given.configurable, given.context, given.labels) == ({}, None, plain.labels)
        assert (given.on_busy, given.max_steps) == ("reject", 0)

    @pytest.mark.parametrize(
        ("value", "field"),
        [
            ({"count": "many"}, "input.count"),
            ({"count": {}}, "input.count"),
            ({"count": 1, "cnt": 2}, "input.cnt"),
            ([], "input"),
            (None, "input"),
        ],
    )
    def test_another_graphs_own_schema_applies(self, value: Any, field: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            spec({"input": value}, counter())

        assert refused.value.field == field

    def test_a_runnables_own_schema_applies(self) -> None:
        class Question(BaseModel):
            words: list[str]

        asking = wrapped(RunnableLambda(lambda question: question).with_types(input_type=Question))

        assert spec({"input": {"words": ["a"]}}, asking).input == {"words": ["a"]}
        with pytest.raises(InvalidInput, match=r"^input\.words\.0: "):
            spec({"input": {"words": [1]}}, asking)

    def test_what_the_graph_declares_can_be_configured_and_is_checked(self) -> None:
        model = FakeListChatModel(responses=["x"]).configurable_fields(
            sleep=ConfigurableField(id="sleep", name="Pause")
        )
        configured = wrapped(model)

        taken = spec({"input": "x", "config": {"configurable": {"sleep": 0.5, "thread_id": "t"}}}, configured)

        assert (taken.configurable, taken.thread_id) == ({"sleep": 0.5}, "t")
        with pytest.raises(InvalidInput, match=r"^config\.configurable\.sleep: "):
            spec({"input": "x", "config": {"configurable": {"sleep": "long"}}}, configured)

    def test_what_the_graph_does_not_declare_is_passed_as_it_is(self) -> None:
        given = {"user_id": "ada", "limits": {"a": [1, None]}, "run_name": "", "user": 5}

        assert spec({"input": "x", "config": {"configurable": given}}).configurable == given

    def test_tags_metadata_and_a_name_are_the_runs_labels(self) -> None:
        config = {"tags": ["a", "b"], "metadata": {"team": "x", "n": 1}, "run_name": "nightly"}

        labels = spec({"input": "x", "config": config}).labels

        assert labels == Labels(("a", "b"), {"team": "x", "n": 1}, "nightly")

    def test_a_configurable_of_a_type_without_a_schema_is_the_graphs_own_to_check(self) -> None:
        class Odd(RunnableLambda[Any, Any]):
            @property
            def config_specs(self) -> list[ConfigurableFieldSpec]:
                return [ConfigurableFieldSpec(id="odd", annotation=Opaque)]

        odd = wrapped(Odd(lambda value: value))

        assert spec({"input": "x", "config": {"configurable": {"odd": 1}}}, odd).configurable == {"odd": 1}


class TestIdempotencyKey:
    def test_the_same_key_is_the_same_run_of_that_graph(self) -> None:
        assert run_id_of("agent", "k-1") == run_id_of("agent", "k-1")
        assert len({run_id_of("agent", "k-1"), run_id_of("agent", "k-2"), run_id_of("other", "k-1")}) == 3

    def test_two_owners_may_use_the_same_key(self) -> None:
        owners = {run_id_of("agent", "k-1", owner) for owner in ("", "ada", "eve")}

        assert len(owners) == 3
        assert run_id_of("agent", "k-1", "ada") in owners

    @pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ä", "a\n", "\x7f"])
    def test_a_key_that_is_none_is_refused(self, key: str) -> None:
        with pytest.raises(InvalidInput, match=r"^Idempotency-Key: "):
            run_id_of("agent", key)

    def test_the_order_of_keys_makes_no_other_body(self) -> None:
        one = spec({"input": "x", "thread_id": "t"}, key="k")
        other = spec({"thread_id": "t", "input": "x"}, key="k")

        assert (one.run_id, one.digest) == (other.run_id, other.digest)

    @given(texts, texts)
    def test_another_body_has_another_digest(self, one: str, other: str) -> None:
        digests = [spec({"input": text}).digest for text in (one, other)]

        assert (digests[0] == digests[1]) == (one == other)


def interrupted(*ids: str) -> Run:
    asked = RunSpec("agent", None, "t", "r", max_steps=9, configurable={"a": 1}, on_busy="rollback")
    data = {"interrupts": [{"id": each, "value": "sure?"} for each in ids]}
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Run(asked, "interrupted", 1, 1, now, last=Event(1, 5, "interrupted", data))


class TestAnswer:
    def test_a_run_at_a_breakpoint_is_resumed_by_null(self) -> None:
        made = answer_spec({"resume": None}, interrupted(), AGENT, None)

        assert (made.answers, made.input) == ({}, None)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"resume": 1}, "resume"),
            ({"resume": ""}, "resume"),
            ({"resume": False}, "resume"),
            ({"resume": None, "interrupt_id": "i1"}, "interrupt_id"),
            ({"answers": {"i1": 1}}, "answers"),
            ({}, "resume"),
        ],
    )
    def test_a_breakpoint_accepts_no_answer(self, body: Any, field: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            answer_spec(body, interrupted(), AGENT, None)

        assert refused.value.field == field

    @pytest.mark.parametrize("answer", [True, None, "yes", {"a": [1]}, []])
    def test_an_answer_is_for_the_only_interrupt(self, answer: Any) -> None:
        made = answer_spec({"resume": answer}, interrupted("i1"), AGENT, None)

        assert made.answers == {"i1": answer}
        assert (made.graph, made.thread_id, made.input) == ("agent", "t", None)
        assert (made.max_steps, made.configurable, made.on_busy) == (9, {"a": 1}, "reject")
        assert made.run_id != "r"

    def test_no_answers_are_refused_in_our_words(self) -> None:
        with pytest.raises(InvalidInput) as refused:
            answer_spec({"answers": {}}, interrupted("i1"), AGENT, None)

        assert refused.value.reason == "must have at least 1 item"

    def test_of_several_the_one_that_is_named_is_answered(self) -> None:
        made = answer_spec({"resume": 1, "interrupt_id": "i2"}, interrupted("i1", "i2"), AGENT, None)

        assert made.answers == {"i2": 1}

    def test_several_are_answered_at_once(self) -> None:
        answers = {"i1": "a", "i2": None}

        assert answer_spec({"answers": answers}, interrupted("i1", "i2"), AGENT, None).answers == answers

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (None, "body"),
            ({}, "resume"),
            ({"interrupt_id": "i1"}, "resume"),
            ({"resume": 1}, "interrupt_id"),
            ({"resume": 1, "interrupt_id": "i3"}, "interrupt_id"),
            ({"resume": 1, "interrupt_id": None}, "interrupt_id"),
            ({"answers": None}, "resume"),
            ({"resume": 1, "interrupt_id": ["i1"]}, "interrupt_id"),
            ({"resume": 1, "input": "x"}, "input"),
            ({"answers": {}}, "answers"),
            ({"answers": []}, "answers"),
            ({"answers": {"i3": 1}}, "answers.i3"),
            ({"answers": {"i1": 1}, "resume": 1}, "resume"),
            ({"answers": {"i1": 1}, "interrupt_id": "i1"}, "interrupt_id"),
        ],
    )
    def test_what_is_no_answer_is_refused_by_its_field(self, body: Any, field: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            answer_spec(body, interrupted("i1", "i2"), AGENT, None)

        assert refused.value.field == field

    def test_an_error_lists_the_interrupts(self) -> None:
        with pytest.raises(InvalidInput, match="i1, i2"):
            answer_spec({"resume": 1}, interrupted("i1", "i2"), AGENT, None)

    @pytest.mark.parametrize("status", ["pending", "running", "success", "error", "cancelled"])
    def test_a_run_without_an_interrupt_accepts_no_answer(self, status: Any) -> None:
        with pytest.raises(NotInterrupted):
            answer_spec({"resume": 1}, replace(interrupted("i1"), status=status), AGENT, None)

    def test_a_key_belongs_to_the_run_that_is_answered(self) -> None:
        one, run = answer_spec({"resume": 1}, interrupted("i1"), AGENT, "k"), interrupted("i1")
        other = answer_spec({"resume": 1}, replace(run, spec=replace(run.spec, run_id="s")), AGENT, "k")

        assert one.run_id == other.run_id == run_id_of("agent", "k")
        assert one.digest != other.digest


@pytest.mark.parametrize("value", ["", "a b", "a/b", "x" * 65, "\x00", "é", "a\n"])
def test_what_names_no_run_is_unknown_without_asking_the_store(value: str) -> None:
    with pytest.raises(UnknownRun):
        check_run_id(value)


@pytest.mark.parametrize("value", ["", "a b", "x" * 65, "é", "a\n", None, 5])
def test_what_names_no_checkpoint_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"^before: "):
        check_checkpoint_id(value, "before")
