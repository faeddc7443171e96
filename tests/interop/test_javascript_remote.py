"""JavaScript's RemoteRunnable, of the last @langchain/core that has it, in all its methods."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.interop.programs import run_node
from tests.replies import Refusal, Reply
from tests.serving import Served
from tests.upstream import Upstream

QUESTION = "2+2?"
ANSWER = "2+2 is 4."
Result = dict[str, Any]  # {"value": ..} or {"error": its message}


def call(url: str, *calls: tuple[Any, ...]) -> list[Result]:
    """Call the methods, each with its arguments, one after the other."""
    asked = [{"method": method, "args": args} for method, *args in calls]
    results: list[Result] = json.loads(run_node("remote.mjs", stdin=json.dumps({"url": url, "calls": asked})))
    return results


def test_each_method_answers(server: Served) -> None:
    options = {
        "tags": ["t"],
        "metadata": {"a": 1},
        "runName": "mine",
        "recursionLimit": 10,
        "timeout": 60_000,
    }

    results = call(
        f"{server.url}/agent",
        ("invoke", {"messages": [{"role": "user", "content": QUESTION}]}),
        ("invoke", QUESTION, options),
        ("invokeMessage", QUESTION),
        ("batch", [QUESTION, "6*7"]),
        ("batch", [QUESTION, "6*7"], options),
        ("batch", []),
        ("stream", QUESTION),
        ("stream", QUESTION, options),
    )

    assert [each.get("value", each) for each in results[:6]] == [
        ANSWER, ANSWER, ANSWER, [ANSWER, "6*7 is 42."], [ANSWER, "6*7 is 42."], []
    ]  # fmt: skip
    for streamed in results[6:]:
        assert len(streamed["value"]) > 1
        assert "".join(streamed["value"]) == ANSWER


def test_the_log_and_the_events_show_the_inner_steps(server: Served) -> None:
    log, events, old_events, few = call(
        f"{server.url}/agent",
        ("streamLog", QUESTION),
        ("streamEvents", QUESTION, {"version": "v2"}),
        ("streamEvents", QUESTION, {"version": "v1"}),
        ("streamEvents", QUESTION, {"version": "v2"}, {"includeTypes": ["tool"]}),
    )

    paths = {op["path"] for patch in log["value"] for op in patch["ops"]}
    assert {"/logs/calculator", "/final_output", "/streamed_output/-"} <= paths
    assert {"on_chat_model_stream", "on_tool_start", "on_tool_end"} <= kinds(events)
    assert {"on_chat_model_stream", "on_tool_start", "on_tool_end"} <= kinds(old_events)
    assert "parent_ids" not in old_events["value"][0]
    assert kinds(few) == {"on_tool_start", "on_tool_end"}


def test_a_thread_is_named_by_configurable(server: Served) -> None:
    one, two = ({"configurable": {"thread_id": uuid.uuid4().hex}} for _ in range(2))

    results = call(
        f"{server.url}/agent",
        ("batch", ["my name is Ada", "my name is Bob"], [one, two]),
        ("invoke", "what is my name?", one),
        ("stream", "what is my name?", two),
        ("streamEvents", "what is my name?", {"version": "v2", **one}),
        ("streamLog", "what is my name?", two),
    )

    assert "Ada" in results[1]["value"]
    assert "Bob" in "".join(results[2]["value"])
    assert "Ada" in json.dumps(results[3]["value"][-1])
    assert "Bob" in json.dumps(results[4]["value"][-1])


def test_a_graph_without_messages_answers_with_its_state(server: Served) -> None:
    (answer,) = call(f"{server.url}/completion", ("invoke", "Say hi."))

    assert answer["value"]


def test_an_error_before_the_answer_is_a_message(upstream_env: Upstream, server: Served) -> None:
    upstream_env.script(lambda _body: Refusal(status=401, code="invalid_api_key"))
    wrong = "input: must be a list of messages, or a string"

    results = call(
        f"{server.url}/agent",
        *((method, 5) for method in ("invoke", "stream", "streamLog")),
        ("batch", [5]),
        ("streamEvents", 5, {"version": "v2"}),
        ("invoke", QUESTION),
    )

    assert results[1]["error"] == f"RemoteRunnable call failed with status code 422: {wrong}"
    for each in results[:5]:
        assert "422" in each["error"]
        assert "must be a list of messages" in each["error"]
    assert "upstream_auth" in results[5]["error"]


def test_an_error_in_mid_stream_reaches_the_client(upstream_env: Upstream, server: Served) -> None:
    upstream_env.script(lambda _body: Reply(text=["one ", "two "], breaks="reset", after=1))

    (result,) = call(f"{server.url}/agent", ("streamUntilError", QUESTION))

    assert result["value"]["chunks"] == ["one "]
    assert "connection to the model's provider broke" in result["value"]["error"]


def kinds(events: Result) -> set[str]:
    return {each["event"] for each in events["value"]}
