"""A conversation with a served graph -> the lines of a golden log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.patience import PATIENCE_S
from tests.protocols.following import all_events, following

Json = Any
_IDS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}|(?<=call_)[0-9a-f]{24}"
)
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")


@dataclass(slots=True)
class Recording:
    """Talks to a graph, and notes what each run is given, and its events.

    Lines: `{"run": n, "given": body}`, `{"run": n, "id", "kind", "data"}`, and last `{"thread": its state,
    "run": .., "turns": ..}`, the newest run's status and output, and which runs wrote which turn.
    """

    url: str
    graph: str
    thread_id: str
    lines: list[Json] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)

    def run(self, **body: Json) -> None:
        """Run the graph to its end."""
        self.start(**body)
        self.read()

    def start(self, **body: Json) -> None:
        given = {"thread_id": self.thread_id, **body}
        self._started(f"/{self.graph}/runs", given)

    def answer(self, **body: Json) -> None:
        """Answer what the newest run asks."""
        self._started(f"/{self.graph}/runs/{self.run_ids[-1]}/resume", body)
        self.read()

    def cancel_at(self, kind: str, count: int) -> None:
        """Cancel the newest run once it has emitted so many events of a kind, and read it to its end."""
        with self.client() as client:
            self.wait_for(kind, count)
            client.post(f"{self.path}/cancel").raise_for_status()
        self.read()

    def wait_for(self, kind: str, count: int) -> None:
        with self.client() as client, following(client, f"{self.path}/events") as read:
            for _ in range(count):
                next(each for each in read if each.kind == kind)

    def read(self) -> None:
        with self.client() as client:
            for each in all_events(client, f"{self.path}/events"):
                line = {"run": len(self.run_ids), "id": each.id, "kind": each.kind, "data": each.data}
                self.lines.append(line)

    def messages(self) -> list[Json]:
        found: list[Json] = self._thread()["values"]["messages"]
        return found

    def finish(self) -> list[str]:
        """Return the log's lines, without what differs from recording to recording."""
        end = {"thread": self._thread(), "run": self._run(), "turns": self._turns()}
        return list(normalised([*self.lines, end]))

    @property
    def path(self) -> str:
        return f"/{self.graph}/runs/{self.run_ids[-1]}"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE_S)

    def _started(self, path: str, body: Json) -> None:
        with self.client() as client:
            answer = client.post(path, json=body)
            assert answer.status_code == 201, answer.text
            self.run_ids.append(answer.json()["run_id"])
        self.lines.append({"run": len(self.run_ids), "given": body})

    def _run(self) -> Json:
        with self.client() as client:
            run = client.get(self.path).raise_for_status().json()
        return {name: run[name] for name in ("status", "output")}

    def _turns(self) -> Json:
        with self.client() as client:
            page = client.get(f"/{self.graph}/threads/{self.thread_id}/turns").raise_for_status().json()
        return page["turns"]

    def _thread(self) -> Json:
        with self.client() as client:
            return client.get(f"/{self.graph}/threads/{self.thread_id}").raise_for_status().json()


def normalised(lines: list[Json]) -> Iterator[str]:
    """Yield the lines as text; ids are numbered as they come, and all times are one."""
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return numbers.setdefault(found[0], f"id-{len(numbers) + 1}")

    for line in lines:
        if "duration_ms" in line.get("data", {}):
            line["data"]["duration_ms"] = 1
        text = _TIMES.sub("2026-01-01T00:00:00+00:00", _IDS.sub(number, json.dumps(line)))
        yield json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True)


Scenario = Callable[[Recording], None]
