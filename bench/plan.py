"""How long and how often things are measured: in full, or quickly."""

from dataclasses import dataclass, field
from typing import Final

from bench.rows import (
    AGENT,
    ASTREAM,
    CHAT,
    LANGSERVE,
    NATIVE,
    OTHERS,
    PASSTHROUGH,
    POSTGRES,
    ROWS,
    STOCK,
    STREAM,
    STREAM_EVENTS,
    Row,
)

_PAIR: Final = {PASSTHROUGH.server, NATIVE.server, POSTGRES.server}
_GOAL_ROWS: Final = (PASSTHROUGH, NATIVE, POSTGRES, CHAT)
Cells = dict[str, tuple[Row, ...]]  # scenario -> the rows that are put through it
Figures = dict[str, float]  # "scenario figure/row" -> what was measured, once


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does. `cells` says which rows do which scenario; `once` what one time is enough for.

    again: cells that are measured twice each time: their figures vary most. Peers are measured once.
    seconds: of each measured window of CPU time; brief_s: of one where only waits are measured.
    """

    name: str
    times: int
    seconds: float
    warmup_s: float
    cells: Cells
    again: Cells = field(default_factory=dict)
    extras: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    brief_s: float = 5
    paced_tokens: int = 256
    burst_streams: int = 24
    paced_streams: int = 20

    @property
    def rows(self) -> list[Row]:
        """The rows of any scenario, server by server."""
        return [row for row in (*ROWS, *OTHERS) if any(row in rows for rows in self.cells.values())]

    @property
    def groups(self) -> list[list[Row]]:
        """The rows by what is up together: Seltzer beside the passthrough first, then each peer alone.

        So the two of a ratio are measured one after the other, in the same minute of a shared machine; those
        of other providers' models beside each other.
        """
        pair = [row for row in self.rows if row.server in _PAIR]
        others = [row for row in self.rows if row in OTHERS]
        peers = [row for row in self.rows if row not in pair and row not in others]
        alone = [
            [row for row in peers if row.server == name] for name in dict.fromkeys(r.server for r in peers)
        ]
        return [pair, *alone, *([others] if others else [])]


FULL: Final = Plan(
    "full",
    times=3,
    seconds=10,
    warmup_s=2,
    cells={
        "burst": (*ROWS, *OTHERS),
        "tool": (NATIVE, AGENT, ASTREAM, LANGSERVE),  # /chat serves one graph alone
        "paced": ROWS,
        "request": ROWS,
        "first": ROWS,
    },
    again={"paced": _GOAL_ROWS, "request": _GOAL_ROWS, "first": _GOAL_ROWS},
    once=(
        "capacity",
        "readers",
        "turns",
        "start",
        "stream_memory",
        "idle_readers",
        "file",
        "runs_memory",
        "database",
    ),
)
QUICK: Final = Plan(
    "quick",
    times=1,
    seconds=2,
    warmup_s=1,
    cells={
        "burst": (PASSTHROUGH, NATIVE, POSTGRES, CHAT, STREAM, STREAM_EVENTS, STOCK, AGENT),
        "paced": (PASSTHROUGH, NATIVE, CHAT, STOCK),
        "request": (PASSTHROUGH, NATIVE, POSTGRES),
        "first": (PASSTHROUGH, NATIVE, POSTGRES),
    },
    brief_s=2,
    paced_tokens=100,
    burst_streams=12,
)
