"""`python -m bench.profile`: where the server's CPU goes while tokens stream, by step and by function.

py-spy looks at the server's stacks while the load generator keeps it busy. A sample counts for the innermost
function that isn't the standard library's, since what a step asks of asyncio or json is that step's cost.

py-spy also counts a thread that waits for the disk or its turn. So each thread's samples are weighed to be,
together, the CPU time that the kernel counted for it; within a thread such waits remain.
"""

import argparse
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import load
from bench.load import Found, Load
from bench.rows import ROWS, Row
from bench.scenarios import PACE_MS
from bench.servers import BUILD, Server, serving, upstream

Stack = tuple[str, ...]

_PY_SPY: Final = Path(__file__).parent / ".venv" / "bin" / "py-spy"
_THREAD: Final = re.compile(r"thread \((\d+)\)")
_RATE: Final = 250
_LEAST, _MOST = 0.002, 0.6  # the shares worth a line: what runs all else says nothing
_LOADS: Final = {
    "burst": Load(streams=24, warmup_s=2),
    "paced": Load.paced(streams=20, tokens=256, pace_ms=PACE_MS, seconds=10),
    "request": Load(streams=8, tokens=1, warmup_s=2),
}
_STEPS: Final = (  # the first that a function's file begins with takes it, in the order of a token's way
    ("HTTP to the model", ("httpx2/", "httpx/", "httpcore/", "h11/", "aiohttp/", "anyio/", "sniffio/")),
    ("openai SDK", ("openai/",)),
    ("langchain_openai", ("langchain_openai/",)),
    ("seltzer/models", ("graphs/",)),
    ("langchain_core", ("langchain_core/",)),
    ("langsmith", ("langsmith/",)),
    ("pydantic", ("pydantic/",)),
    ("langgraph", ("langgraph/",)),
    ("seltzer/runs/execution/translator", ("seltzer/runs/execution/translator",)),
    ("seltzer/runs", ("seltzer/runs/",)),
    ("seltzer/stores and SQLite", ("seltzer/stores/", "sqlite3")),
    ("psycopg", ("psycopg",)),
    ("seltzer/protocols", ("seltzer/protocols/",)),
    ("seltzer, else", ("seltzer/",)),
    ("langserve, sse-starlette", ("langserve/", "sse_starlette/")),
    ("fastapi, starlette", ("fastapi/", "starlette/")),
    ("uvicorn and the loop", ("uvicorn/", "uvloop")),
)
_LIBRARY: Final = re.compile(r".*/python3\.\d+/(site-packages/)?")
_ELSE: Final = "standard library alone"


def main() -> int:
    """Profile what the arguments name, and print the tables."""
    arguments = _arguments()
    row = next(each for each in ROWS if each.name == arguments.row)
    busy = replace(_LOADS[arguments.load], seconds=arguments.seconds)
    with upstream() as running, serving(row.server, running.port) as server:
        load.run(row, server, replace(busy, seconds=2))
        plain = load.run(row, server, busy)
        stacks = _stacks(row, server, busy)
        if arguments.flamegraph:
            _record(row, server, busy, "flamegraph", arguments.flamegraph)
    print(_render(row, arguments.load, plain, stacks, arguments.top))
    return 0


def _stacks(row: Row, server: Server, busy: Load) -> dict[Stack, float]:
    """Return each stack's share of the CPU time; its functions are outermost first."""
    kept, before_ns = BUILD / "stacks", _threads_ns(server)
    _record(row, server, busy, "raw", kept, "--threads")
    used_ns = {thread: ns - before_ns.get(thread, 0) for thread, ns in _threads_ns(server).items()}
    seen: dict[int, Counter[Stack]] = {}
    for line in kept.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        first, *functions = stack.split(";")
        name = _THREAD.search(first)
        seen.setdefault(int(name[1]) if name else 0, Counter())[tuple(functions)] += int(count)
    total_ns = sum(used_ns.get(number, 0) for number in seen)
    shares: dict[Stack, float] = defaultdict(float)
    for number, stacks in seen.items():
        weight = used_ns.get(number, 0) / total_ns / stacks.total()
        for each, times in stacks.items():
            shares[each] += weight * times
    return shares


def _threads_ns(server: Server) -> dict[int, int]:
    """Return the CPU time that each of the server's threads has used."""
    tasks = Path(f"/proc/{server.pids[0]}/task").iterdir()
    return {int(task.name): int((task / "schedstat").read_text().split()[0]) for task in tasks}


def _record(row: Row, server: Server, busy: Load, form: str, to: Path, *options: str) -> None:
    """Have py-spy look on while the load runs."""
    command = [str(_PY_SPY), "record", "--pid", str(server.pids[0]), "--format", form, "--output", str(to)]
    command += ["--rate", str(_RATE), "--duration", str(int(busy.seconds)), "--full-filenames", *options]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(load.run, row, server, replace(busy, seconds=busy.seconds + 2, warmup_s=0))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        running.result()
    if done.returncode:
        sys.exit(f"py-spy can't look at the server (it may need root): {done.stderr.strip()}")


def _render(row: Row, name: str, plain: Found, stacks: dict[Stack, float], top: int) -> str:
    cost, unit = (
        (plain.ms_per_answer, "ms/request") if name == "request" else (plain.us_per_token, "µs/token")
    )
    steps, owners, within = (defaultdict[str, float](float) for _ in range(3))
    for stack, share in stacks.items():
        owner = _owner(stack)
        steps[_step(owner)] += share
        owners[_short(owner)] += share
        for each in {_short(each) for each in stack if not _is_library(each)}:
            within[each] += share
    lines = [f"{row.title}, {name}: {cost:.1f} {unit}"]
    order = [step for step, _ in _STEPS] + [_ELSE]
    tables: list[tuple[str, Sequence[tuple[str, float]]]] = [
        ("step, in the order of a token's way", [(step, steps[step]) for step in order if steps[step]]),
        ("function, by itself", _most(owners, top)),
        ("function, with what it calls", _most(within, 2 * top)),
    ]
    for head, found in tables:
        lines += ["", f"| {head} | share | {unit} |", "|---|---|---|"]
        lines += [
            f"| {what} | {share:.1%} | {cost * share:.2f} |"
            for what, share in found
            if _LEAST < share < _MOST
        ]
    return "\n".join(lines)


def _most(shares: dict[str, float], top: int) -> list[tuple[str, float]]:
    return sorted(shares.items(), key=lambda item: -item[1])[:top]


def _owner(stack: Stack) -> str:
    """Return the innermost function that isn't the standard library's."""
    return next((each for each in reversed(stack) if not _is_library(each)), stack[-1])


def _is_library(function: str) -> bool:
    return _step(function) == _ELSE


def _step(function: str) -> str:
    file = _file(function.rpartition(" (")[2])
    return next((step for step, marks in _STEPS if file.startswith(marks)), _ELSE)


def _short(function: str) -> str:
    """Return `function (package/module.py)`, without the line."""
    name, _, place = function.rpartition(" (")
    return f"`{name}` ({_file(place)})"


def _file(place: str) -> str:
    """Return the file as its package has it."""
    path = place.rpartition(":")[0] or place.rstrip(")")
    inside = path.removeprefix(str(Path(__file__).parents[1]) + "/")
    return _LIBRARY.sub("", inside)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument(
        "--row", default="native", choices=[row.name for row in ROWS], help="who is asked, how"
    )
    parser.add_argument("--load", default="burst", choices=list(_LOADS), help="what is asked")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--top", type=int, default=25, help="how many functions are shown")
    parser.add_argument("--flamegraph", type=Path, help="draw one into this file, too (SVG)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
