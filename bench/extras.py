"""What is measured besides: capacity, memory, readers, long threads, the file, the start.

Each starts its own servers.
"""

import http.client
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from bench import load
from bench.load import Found, Load, Void
from bench.machine import ROOT, SERVER_CORE
from bench.plan import Figures, Plan
from bench.rows import NATIVE, PASSTHROUGH, POSTGRES, Row
from bench.scenarios import PACE_MS
from bench.servers import Server, command, serving

_TOKENS: Final = 256
_WARM: Final = Load(streams=4, seconds=1, warmup_s=0.5)
_INPUT_LIMIT: Final = 250  # messages that one input may hold, less a few
_RUNS: Final = 10_000


def capacity(upstream: Server, plan: Plan) -> Figures:
    """The most streams at the pace whose p99 gap stays under twice the pace."""
    return {
        f"capacity/{row.name}": float(_most_streams(row, upstream, plan)) for row in (PASSTHROUGH, NATIVE)
    }


def _most_streams(row: Row, upstream: Server, plan: Plan) -> int:
    carried, refused = 0, 0
    streams = 256
    while not refused or refused > carried * 1.08:
        with serving(row.server, upstream.port) as server:
            if _carries(row, server, streams, plan.brief_s):
                carried = streams
            else:
                refused = streams
        streams = 2 * carried if not refused else (carried + refused) // 2
        if refused and streams <= 4:
            break
    return carried


def _carries(row: Row, server: Server, streams: int, seconds: float) -> bool:
    try:
        return _paced(row, server, streams, seconds).gap_ms["p99"] < 2 * PACE_MS
    except Void:
        return False


def _paced(row: Row, server: Server, streams: int, seconds: float) -> Found:
    return load.run(row, server, Load.paced(streams, _TOKENS, PACE_MS, seconds))


def stream_memory(upstream: Server, plan: Plan) -> Figures:
    """Memory of a running stream: 50 at the pace against none, on a server that is warm."""
    found = {}
    for row in (PASSTHROUGH, NATIVE):
        with serving(row.server, upstream.port) as server:
            load.run(row, server, _WARM)
            before_kb = server.memory_kb()
            busy = _paced(row, server, 50, plan.seconds)
        found[f"stream_kb/{row.name}"] = (busy.server_kb - before_kb) / 50
    return found


def idle_readers(upstream: Server, plan: Plan, readers: int = 500) -> Figures:
    """Memory of a reader who waits: many on one run that says nothing."""
    with serving("seltzer", upstream.port) as server, _Asking(server) as asking:
        load.run(NATIVE, server, _WARM)
        run_id = asking.post(NATIVE.path, {"input": f"[[2 {600_000}]] wait"})["run_id"]
        head = f"GET {NATIVE.path}/{run_id}/events HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n\r\n".encode()
        first = _reader(server, head)
        before_kb = server.memory_kb()
        held = [_reader(server, head) for _ in range(readers)]
        grown_kb = server.memory_kb() - before_kb
        for each in (first, *held):
            each.close()
        asking.post(f"{NATIVE.path}/{run_id}/cancel", {})
    return {f"reader_kb/{NATIVE.name}": grown_kb / readers}


def _reader(server: Server, head: bytes) -> socket.socket:
    """Follow a run, up to its first token."""
    reader = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    reader.sendall(head)
    seen = b""
    while b"w0000" not in seen:
        piece = reader.recv(65536)
        if not piece:
            raise Void(f"a reader's stream ended: {seen[-300:]!r}")
        seen += piece
    return reader


def readers(upstream: Server, plan: Plan) -> Figures:
    """What each of 4 more readers of a run costs a token: long answers at once, with and without them."""
    with serving("seltzer", upstream.port) as server:
        long = Load(streams=4, tokens=4000, seconds=plan.seconds, warmup_s=plan.warmup_s, readers=0)
        alone = load.run(NATIVE, server, long)
        more = Load(streams=4, tokens=4000, seconds=plan.seconds, warmup_s=plan.warmup_s, readers=4)
        together = load.run(NATIVE, server, more)
    # a token counts once for each of the five that read it
    cost_us = (together.us_per_token * 5 - alone.us_per_token) / 4
    return {f"reader_us/{NATIVE.name}": cost_us}


def turns(upstream: Server, plan: Plan) -> Figures:
    """What a turn of one token costs on threads of 10, 100 and 1,000 messages, made by long inputs."""
    found = {}
    with serving("seltzer", upstream.port) as server, _Asking(server) as asking:
        load.run(NATIVE, server, _WARM)
        for length, threads, each in ((10, 100, 2), (100, 30, 7), (1000, 6, 35)):
            names = [f"t{length}-{number}" for number in range(threads)]
            for name in names:
                _fill(asking, name, length)
            before_s = server.cpu_s()
            for name in names:
                for _ in range(each):
                    asking.turn(name, ["[[1 0]] next"])
            found[f"turn_ms_{length}/{NATIVE.name}"] = (server.cpu_s() - before_s) * 1000 / (threads * each)
    return found


def _fill(asking: "_Asking", thread_id: str, length: int) -> None:
    """Give a thread so many messages; each input's last one is answered."""
    rest = length
    while rest > 0:
        count = min(rest, _INPUT_LIMIT)
        body_read = [
            {"role": "user" if n % 2 else "assistant", "content": f"message {n}"} for n in range(count - 2)
        ]
        asking.turn(thread_id, [*body_read, "[[1 0]] so?"])
        rest -= count


def file(upstream: Server, plan: Plan) -> Figures:
    """What the data folder grows by 10,000 tokens, looked at once the server has stopped."""
    with serving("seltzer", upstream.port) as server:
        found = load.run(NATIVE, server, Load(streams=8, seconds=plan.seconds, warmup_s=1))
        server.stop()
        size = sum(path.stat().st_size for path in server.data.rglob("*") if path.is_file())
    return {f"file_kb/{NATIVE.name}": size / 1024 / found.all_tokens * 10_000}


def database(upstream: Server, plan: Plan) -> Figures:
    """What Postgres has to do: for answers of one token, one or eight at a time, and for long ones.

    Its statements slow it down while they are counted, so the rest is measured without. What the server does
    whether or not it is asked (leases, looks for runs) is included, spread over what was served meanwhile.
    """
    found = {}
    loads = {
        "alone": (Load(streams=1, tokens=1, seconds=plan.brief_s, warmup_s=0), 1.0),
        "request": (Load(streams=8, tokens=1, seconds=plan.seconds, warmup_s=0), 1.0),
        "token": (Load(streams=24, seconds=plan.seconds, warmup_s=0), 10_000.0),
    }
    with serving(POSTGRES.server, upstream.port) as server:
        assert server.database is not None
        load.run(POSTGRES, server, replace(_WARM, streams=24))
        for name, (each, per) in loads.items():
            before = server.database.counts()
            done = load.run(POSTGRES, server, each)
            grown = server.database.counts().since(before)
            with server.database.statements() as statements:
                counted = load.run(POSTGRES, server, each)
            found[f"{name}_trips/postgres"] = statements.total() / counted.all_tokens * per
            if name == "alone":
                continue
            unit, factor = ("ms", 1e3) if name == "request" else ("us", 1e6)
            found[f"{name}_database_{unit}/postgres"] = grown.cpu_s / done.all_tokens * factor
            found[f"{name}_wal_kb/postgres"] = grown.wal_bytes / 1024 / done.all_tokens * per
            found[f"{name}_rows/postgres"] = grown.rows / done.all_tokens * per
            found[f"{name}_kb/postgres"] = grown.bytes / 1024 / done.all_tokens * per
    return found


def runs_memory(upstream: Server, plan: Plan) -> Figures:
    """How much memory 10,000 runs of one token leave behind, after 1,000 to warm up."""
    with serving("seltzer", upstream.port) as server:
        _runs(server, 1000)
        before_kb = server.memory_kb()
        done = _runs(server, _RUNS)
        grown_kb = server.memory_kb() - before_kb
    return {f"runs_kb/{NATIVE.name}": grown_kb * _RUNS / done}


def _runs(server: Server, count: int) -> int:
    done = 0
    while done < count:
        done += load.run(NATIVE, server, Load(streams=8, tokens=1, seconds=5, warmup_s=0)).all_answers
    return done


def start(upstream: Server, plan: Plan, times: int = 5, help_times: int = 21) -> Figures:
    """From the start of the process to the first byte served, beside what can't be had for less.

    The two of a pair are taken in turn, so that both have the machine's good and bad moments.
    """
    imports = [sys.executable, "-c", "import langgraph.graph, langserve, langchain_openai"]
    seltzer_help = [command("seltzer", 0)[0], "--help"]
    nothing = [sys.executable, "-c", "pass"]
    starts = [(_first_byte_ms(upstream), _run_ms(imports)) for _ in range(times)]
    helps = [(_run_ms(seltzer_help), _run_ms(nothing)) for _ in range(help_times)]
    names = ("start_ms/native", "start_ms/import", "help_ms/native", "help_ms/pass")
    measured = (*zip(*starts, strict=True), *zip(*helps, strict=True))
    return dict(zip(names, map(statistics.median, measured), strict=True))


def _run_ms(what: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(["taskset", "-c", str(SERVER_CORE), *what], check=True, capture_output=True, cwd=ROOT)
    return (time.perf_counter() - begun) * 1000


def _first_byte_ms(upstream: Server) -> float:
    begun = time.perf_counter()
    with serving("seltzer", upstream.port):
        return (time.perf_counter() - begun) * 1000


class _Asking:
    """One connection to a server, for what the load generator doesn't do."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def __enter__(self) -> "_Asking":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def post(self, path: str, body: Any) -> Any:
        return json.loads(self._post(path, body, "application/json"))

    def turn(self, thread_id: str, messages: list[Any]) -> None:
        """Say it on the thread, and read the run to its end. Raises Void if it isn't whole."""
        body = {"input": {"messages": messages}, "thread_id": thread_id}
        body_read = self._post(NATIVE.path, body, "text/event-stream")
        if b"event: finished" not in body_read:
            raise Void(f"a turn didn't finish: {body_read[-300:]!r}")

    def _post(self, path: str, body: Any, accept: str) -> bytes:
        headers = {"content-type": "application/json", "accept": accept}
        self._connection.request("POST", path, json.dumps(body), headers)
        answer = self._connection.getresponse()
        body_read = answer.read()
        if answer.status >= 300:
            raise Void(f"POST {path}: {answer.status} {body_read[:300]!r}")
        return body_read


EXTRAS: Final[dict[str, Callable[[Server, Plan], Figures]]] = {
    "start": start,
    "capacity": capacity,
    "stream_memory": stream_memory,
    "idle_readers": idle_readers,
    "readers": readers,
    "turns": turns,
    "file": file,
    "runs_memory": runs_memory,
    "database": database,
}
