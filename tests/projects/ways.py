"""One question over each protocol; each way returns the answer's text."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
from langserve import RemoteRunnable

from tests.packaging.environment import Environment, clean_environment
from tests.patience import PATIENCE_S

Way = Callable[[str, str, str], str]  # the server's URL, the graph's name and its path


def by_invoke(url: str, graph: str, path: str) -> str:
    return _remote(url, path).invoke("hi")


def by_stream(url: str, graph: str, path: str) -> str:
    return "".join(pieces(url, path))


def by_chat(url: str, graph: str, path: str) -> str:
    body = {"text": "hi", "graph": graph}
    return httpx.post(f"{url}/chat", json=body, timeout=PATIENCE_S).raise_for_status().text


def by_chat_as_json(url: str, graph: str, path: str) -> str:
    body, headers = {"text": "hi", "graph": graph}, {"accept": "application/json"}
    answer = httpx.post(f"{url}/chat", json=body, headers=headers, timeout=PATIENCE_S).raise_for_status()
    output: str = answer.json()["output"]
    return output


def by_run(url: str, graph: str, path: str) -> str:
    """Follow a run's events, and see that the run's output is their answer."""
    events = list(run_events(url, path, {"input": "hi"}))
    answer = answer_of(events)
    assert output_of(url, path, events) == answer
    return answer


WAYS: Final[list[Way]] = [by_invoke, by_stream, by_chat, by_chat_as_json, by_run]


def pieces(url: str, path: str) -> list[str]:
    """Return what LangServe's /stream gives, an event each."""
    return list(_remote(url, path).stream("hi"))


def _remote(url: str, path: str) -> RemoteRunnable[str, str]:
    return RemoteRunnable(f"{url}{path}", timeout=PATIENCE_S)


def run_events(url: str, path: str, body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Start a run over the native routes, and yield its events' kinds and data."""
    headers = {"accept": "text/event-stream"}
    with httpx.stream(
        "POST", f"{url}{path}/runs", json=body, headers=headers, timeout=PATIENCE_S
    ) as response:
        if not response.is_success:
            raise AssertionError(response.read())
        kind = ""
        for line in response.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield kind, json.loads(line.removeprefix("data: "))


def output_of(url: str, path: str, events: list[tuple[str, Any]]) -> Any:
    """Return the output of the run that these events are of."""
    run = (
        httpx.get(f"{url}{path}/runs/{events[0][1]['run_id']}", timeout=PATIENCE_S).raise_for_status().json()
    )
    assert run["status"] == "success", run
    return run["output"]


def answer_of(events: list[tuple[str, Any]]) -> str:
    """Return the tokens of the answer that weren't taken back."""
    retracted = {data["message_id"] for kind, data in events if kind == "retracted"}
    tokens = [data for kind, data in events if kind == "token" and data["channel"] == "answer"]
    return "".join(each["text"] for each in tokens if each["message_id"] not in retracted)


def in_terminal(environment: Environment, folder: Path, *arguments: str) -> str:
    """Ask by `seltzer chat` in a folder and return what it prints, without the line's end."""
    done = subprocess.run(
        [str(environment.bin / "seltzer"), "chat", *arguments, "hi"],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
