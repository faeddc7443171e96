"""Streams without the private names that make them fast: by choice, or because a release lost one."""

import importlib
import json

import httpx
import pytest

from tests.conftest import Serve
from tests.patience import PATIENCE_S
from tests.protocols.following import events_in, text_of

QUESTION = "what is the square root of 71?"
FLOW = ("uvicorn.protocols.http.flow_control", "FlowControl")
LISTENER = ("langchain_core.tracers._streaming", "_StreamingCallbackHandler")


def check_streams(url: str) -> None:
    """Run a turn with a tool call through each protocol that streams."""
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        chat = client.post("/chat", json={"text": QUESTION})
        events = client.post("/agent/stream_events", json={"input": QUESTION})
        stream = client.post("/agent/stream", json={"input": QUESTION})
        run = client.post("/agent/runs", json={"input": QUESTION}, headers={"accept": "text/event-stream"})

    lines = events.text.splitlines()
    named = [json.loads(line[6:])["event"] for line in lines if line.startswith("data: {")]
    native = events_in(run.content)
    assert "8.426" in chat.text
    assert "8.426" in text_of(native)
    assert {"tool_call", "tool_result"} <= {each.kind for each in native}
    assert {"on_chain_stream", "on_tool_start", "on_tool_end", "on_chat_model_stream"} <= set(named)
    assert stream.text.count("event: data") > 1


def test_everything_streams_the_plain_way(serve: Serve) -> None:
    check_streams(serve(accelerate=False).url)


@pytest.mark.parametrize("private", [FLOW, LISTENER], ids=".".join)
def test_without_a_private_name_everything_streams_after_one_warning(
    private: tuple[str, str],
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    module, name = private
    monkeypatch.delattr(importlib.import_module(module), name)

    check_streams(serve().url)

    messages = [each.getMessage() for each in caplog.records]
    assert len([each for each in messages if f"{module}.{name} is missing" in each]) == 1
