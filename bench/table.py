"""What was measured -> tables for people, in Markdown.

A figure is the median of all times, a ratio the median of each time's.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.goals import GOALS, Goal, derived
from bench.plan import Figures, Plan
from bench.rows import PASSTHROUGH

_COLUMNS: Final = (  # figure, its head, its digits, whether the ratio to the passthrough is shown
    ("burst_us", "burst µs/token", 0, True),
    ("tool_us", "tool first, burst µs/token", 0, False),
    ("paced_us", "paced µs/token", 0, True),
    ("gap_p99_ms", "p99 gap ms", 1, False),
    ("request_ms", "request ms", 1, True),
    ("first_added_ms", "first token ms", 1, True),
    ("bytes", "bytes/token", 0, False),
    ("busy", "core busy in burst", 2, False),
)
_MET: Final = {True: "yes", False: "**no**", None: ""}


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of a run, one dict for each time it was measured."""

    times: Sequence[Figures]

    def median(self, figure: str) -> float | None:
        return _median([each[figure] for each in self.times if figure in each])

    def ratio(self, figure: str, base: str) -> float | None:
        return _median(
            [each[figure] / each[base] for each in self.times if figure in each and each.get(base)]
        )

    def goal(self, goal: Goal) -> float | None:
        return _median([value for each in self.times if (value := goal.measured(each)) is not None])


def measured(times: Sequence[Figures]) -> Measured:
    return Measured([derived(each) for each in times])


def render(plan: Plan, found: Measured, last: dict[str, Any] | None) -> str:
    """Return the rows' table, then the goals', with what changed since the last run."""
    return "\n".join([*_rows(plan, found), "", *_goals(found, last)])


def _rows(plan: Plan, found: Measured) -> list[str]:
    columns = [each for each in _COLUMNS if any(found.median(f"{each[0]}/{row.name}") for row in plan.rows)]
    if not columns:
        return []
    lines = ["| server | " + " | ".join(head for _, head, _, _ in columns) + " |"]
    lines.append("|---|" + "---|" * len(columns))
    for row in plan.rows:
        cells = [_cell(found, row.name, *column) for column in columns]
        lines.append(f"| {row.title} | " + " | ".join(cells) + " |")
    upstream = found.median("gap_p99_ms/upstream"), found.median("first_ms/upstream")
    if None not in upstream:
        lines.append(
            f"\nThe upstream's own p99 gap: {upstream[0]:.1f} ms; its first token: {upstream[1]:.2f} ms."
        )
    return lines


def _cell(found: Measured, row: str, figure: str, _head: str, digits: int, has_ratio: bool) -> str:
    value = found.median(f"{figure}/{row}")
    if value is None:
        return ""
    text = f"{value:.{digits}f}"
    ratio = found.ratio(f"{figure}/{row}", f"{figure}/{PASSTHROUGH.name}")
    if has_ratio and ratio is not None and row != PASSTHROUGH.name:
        text += f" ({ratio:.2f} x)"
    return text


def _goals(found: Measured, last: dict[str, Any] | None) -> list[str]:
    before = measured(last["times"]) if last else None
    since = f" | since {last['name']}" if last else ""
    lines = [
        f"| goal | measured | ratio | wanted | met{since} |",
        f"|---|---|---|---|---|{'---|' if last else ''}",
    ]
    for goal in GOALS:
        value, held = found.median(goal.figure), found.goal(goal)
        if value is None:
            continue
        digits = 2 if value < 10 else 0
        ratio = f"{held:.2f} x" if goal.base and held is not None else ""
        met = "" if held is None else _MET[goal.is_met(held)]
        cells = [goal.what, f"{value:,.{digits}f} {goal.unit}", ratio, goal.wanted, met]
        if before and held is not None:
            cells.append(_change(held, before.goal(goal)))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _change(now: float, before: float | None) -> str:
    return f"{(now / before - 1) * 100:+.0f} %" if before else ""


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
