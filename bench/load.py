"""Runs the load generator, and reads what it found."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any, Self

from bench.machine import OTHER_CORE
from bench.rows import Row
from bench.servers import BUILD, Server


class Void(Exception):
    """An answer wasn't whole, so the figure is worth nothing; the text says what was wrong."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the load generator is to do. A pace of 0 ms is an answer at once.

    Answers at once are measured as a whole, since many are under way at any moment; at a pace what counts is
    what comes within a window.
    """

    streams: int = 1
    tokens: int = 256
    delay_ms: int = 0
    seconds: float = 10.0
    warmup_s: float = 1.0
    ramp_s: float = 0.0
    readers: int = 0
    with_tool: bool = False

    @classmethod
    def paced(cls, streams: int, tokens: int, pace_ms: int, seconds: float) -> Self:
        """Streams at a pace that begin one after the other, evenly over the length of one.

        And one pace more: begun a multiple of the pace apart, their tokens would come all at once.
        """
        ramp_s = (tokens + 1) * pace_ms / 1000
        return cls(streams, tokens, pace_ms, seconds=seconds, warmup_s=ramp_s + 0.5, ramp_s=ramp_s)


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it, in the measured window; `all_` is from start to end. Times are in ms."""

    seconds: float
    tokens: int
    answers: int
    all_tokens: int
    all_answers: int
    bytes: int
    gap_ms: dict[str, float]
    first_token_ms: dict[str, float]
    answer_ms: dict[str, float]
    server_cpu_s: float
    server_kb: int
    load_cpu_s: float

    @property
    def us_per_token(self) -> float:
        return self.server_cpu_s / max(1, self.tokens) * 1e6

    @property
    def ms_per_answer(self) -> float:
        return self.server_cpu_s / max(1, self.answers) * 1e3

    @property
    def bytes_per_token(self) -> float:
        return self.bytes / max(1, self.tokens)

    @property
    def busy(self) -> float:
        """Which share of its core the server used."""
        return self.server_cpu_s / self.seconds


def run(row: Row, server: Server, load: Load) -> Found:
    """Put the load on the server. Raises Void."""
    found = json.loads(_run(_command(row, server, load)))
    if found.pop("void", None):
        raise Void(f"{row.name}: {found}")
    found.pop("repeats")
    return Found(**found)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Void((done.stdout + done.stderr).strip() or f"the load generator ended with {done.returncode}")
    return done.stdout


def _command(row: Row, server: Server, load: Load) -> list[str]:
    options: dict[str, Any] = {
        "port": server.port,
        "path": row.on_tool_graph() if load.with_tool else row.path,
        "body": row.asking(load.tokens, load.delay_ms, with_tool=load.with_tool),
        "streams": load.streams,
        "tokens": load.tokens,
        "seconds": load.seconds,
        "warmup": load.warmup_s,
        "ramp-ms": int(load.ramp_s * 1000),
        "readers": load.readers,
    }
    if row.end:
        options["end"] = row.end
    command = ["taskset", "-c", str(OTHER_CORE), str(BUILD / "load")]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    for header in row.headers:
        command += ["--header", header]
    for pid in server.pids:
        command += ["--pid", str(pid)]
    flags = {"--plain": row.is_plain, "--whole": not load.delay_ms}
    return [*command, *(flag for flag, is_set in flags.items() if is_set)]
