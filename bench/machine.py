"""What a run of the benchmarks ran on, and which core does what."""

import os
import platform
import subprocess
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = _CORES[0]
OTHER_CORE = _CORES[-1]  # the upstream's and the load generator's
_TICKS_S = os.sysconf("SC_CLK_TCK")


def facts() -> dict[str, str | int | float | bool]:
    """Return what a reader needs to judge the figures."""
    return {
        "revision": revision(),
        "cpu": _cpu_name(),
        "cores": len(_CORES),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "busy_before": round(_busy_share(), 2),
    }


def revision() -> str:
    """Return the short git revision, with `-dirty` if tracked files differ from it."""
    try:
        short = _git("rev-parse", "--short", "HEAD")
        return short + ("-dirty" if _git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def family(pid: int) -> list[int]:
    """Return the process and all below it."""
    pids = [pid]
    for each in pids:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                pids += map(int, children.read_text().split())
    return pids


def cpu_s(pids: list[int]) -> float:
    """Return the CPU time of the processes, kernel's and user's."""
    stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids)
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / _TICKS_S


def all_cpu_s(pid: int) -> float:
    """Return the CPU time of a process and of all it has ever started, where these come and go meanwhile."""
    total = 0
    for each in family(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))  # its own, and those of its children that have ended
    return total / _TICKS_S


def memory_kb(pids: list[int]) -> int:
    """Return the resident memory of the processes."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _busy_share(seconds: float = 1.0) -> float:
    """Return which share of all cores something uses before we begin."""

    def read() -> tuple[int, int]:
        fields = [int(each) for each in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)

    idle, total = read()
    time.sleep(seconds)
    idle_after, total_after = read()
    return 1 - (idle_after - idle) / max(1, total_after - total)
