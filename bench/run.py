"""`python -m bench.run`: measures, prints the table, and stores it. README.md says what and how."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench import machine, table
from bench.extras import EXTRAS
from bench.load import Void
from bench.plan import FULL, QUICK, Figures, Plan
from bench.scenarios import SCENARIOS, upstream_alone
from bench.servers import Server, serving, upstream

RESULTS: Final = Path(__file__).parent / "results"
_NEEDS_UPSTREAM_ALONE: Final = {"paced", "first"}
_BUSY_ALREADY: Final = 0.1


def main() -> int:
    """Run the plan that the arguments name. Returns 1 if a figure was void."""
    os.sched_setaffinity(0, {machine.OTHER_CORE})
    plan = _plan(_arguments())
    facts = machine.facts()
    if float(facts["busy_before"]) > _BUSY_ALREADY:
        _say(f"careful: something else uses {float(facts['busy_before']):.0%} of this machine")
    begun, voids = time.monotonic(), list[str]()
    with upstream() as running:
        times = [_measure(plan, running, index, voids) for index in range(plan.times)]
    name = f"{datetime.now(UTC):%Y-%m-%d-%H%M}-{facts['revision']}"
    text = "\n".join(
        [
            f"# {name}",
            "",
            ", ".join(f"{key}: {value}" for key, value in facts.items()),
            f"{plan.name}, each figure the median of {plan.times}; took {time.monotonic() - begun:.0f} s",
            "",
            table.render(plan, table.measured(times), _last()),
            *[f"\nVOID: {void}" for void in voids],
        ]
    )
    print(text)
    if plan == FULL and not voids:
        _store(name, text, {"name": name, "plan": plan.name, "machine": facts, "times": times})
    return 1 if voids else 0


def _measure(plan: Plan, running: Server, index: int, voids: list[str]) -> Figures:
    """Measure everything once."""
    found: Figures = {}

    def attempt(what: str, measure: Callable[[], Figures]) -> None:
        begun = time.monotonic()
        try:
            found.update(measure())
            _say(f"{index + 1}/{plan.times} {what}: {time.monotonic() - begun:.0f} s")
        except Void as void:
            voids.append(f"{what}: {void}")
            _say(f"VOID {void}")

    if _NEEDS_UPSTREAM_ALONE & plan.cells.keys():
        attempt("upstream", lambda: upstream_alone(running, plan))
    for name in plan.servers:
        begun = time.monotonic()
        with serving(name, running.port) as server:
            _say(f"{index + 1}/{plan.times} {name} is up: {time.monotonic() - begun:.0f} s")
            for row in (row for row in plan.rows if row.server == name):
                for scenario in (each for each in plan.cells if row in plan.cells[each]):
                    measure = SCENARIOS[scenario]
                    attempt(f"{scenario}: {row.name}", lambda: measure(row, server, plan))  # noqa: B023  called at once
    for extra in (*plan.extras, *(() if index else plan.once)):
        attempt(extra, lambda: EXTRAS[extra](running, plan))  # noqa: B023  called at once
    return found


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = QUICK if arguments.quick else FULL
    if arguments.only or arguments.rows:
        only, rows = arguments.only or [*plan.cells, *plan.extras, *plan.once], arguments.rows
        cells = {
            scenario: tuple(
                row for row in FULL.cells[scenario] if not rows or row.name in ["passthrough", *rows]
            )
            for scenario in only
            if scenario in SCENARIOS
        }
        plan = replace(plan, cells=cells, extras=tuple(each for each in only if each in EXTRAS), once=())
    return replace(plan, times=arguments.times or plan.times)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="the main figures, within two minutes; not stored"
    )
    parser.add_argument("--times", type=int, help="how often each figure is measured")
    parser.add_argument("--only", nargs="*", choices=[*SCENARIOS, *EXTRAS], help="just these; not stored")
    parser.add_argument(
        "--rows", nargs="*", choices=[row.name for row in FULL.rows], help="just these and the passthrough"
    )
    return parser.parse_args()


def _last() -> dict[str, Any] | None:
    stored: Sequence[Path] = sorted(RESULTS.glob("*.json"))
    return json.loads(stored[-1].read_text()) if stored else None


def _store(name: str, text: str, result: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n")
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    _say(f"stored in bench/results/{name}.md and .json")


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
