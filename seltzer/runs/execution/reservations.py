"""Expected runs: attached ones, whose request has still to bring the input, or whose turn has still to come.

The input of an attached run is nowhere but in the request: a run without its request could not go on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from langchain_core.callbacks import Callbacks

from seltzer.runs.event import RunId
from seltzer.runs.run import Lease, Run, RunSpec, Stop


@dataclass(slots=True)
class Expected:
    """An attached run that hasn't begun. was_queued: its thread may have changed since it was submitted."""

    run: Run | None = None
    lease: Lease | None = None
    spec: RunSpec | None = None
    callbacks: Callbacks = None
    was_queued: bool = False


class Expectations:
    """The expected runs of a process, each from its submission until it begins or is dropped."""

    def __init__(self) -> None:
        self._runs: dict[RunId, Expected] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def add(self, run_id: RunId) -> None:
        """Expect the run's row, its turn and its input, in any order."""
        self._runs[run_id] = Expected()

    def drop(self, run_id: RunId) -> Expected | None:
        """Expect the run no more, and return what is known of it; None if it wasn't expected."""
        return self._runs.pop(run_id, None)

    def give_row(self, run: Run, lease: Lease | None) -> None:
        """Give the run its row, and its lease if it has one. One that has ended is expected no more."""
        expected = self._runs[run.spec.run_id]
        expected.run, expected.lease = run, expected.lease or lease
        if not run.is_active:
            self.drop(run.spec.run_id)

    def give_turn(self, lease: Lease) -> bool:
        """Give the run the lease that it has waited for; return whether it is expected."""
        expected = self._runs.get(lease.run.spec.run_id)
        if expected is not None:
            expected.lease, expected.was_queued = lease, True
        return expected is not None

    def give_input(self, spec: RunSpec, callbacks: Callbacks) -> Run | None:
        """Give the run its input, and return its row; None if it isn't expected."""
        expected = self._runs.get(spec.run_id)
        if expected is None:
            return None
        expected.spec, expected.callbacks = spec, callbacks
        return expected.run

    def pop_ready(self, run_id: RunId) -> Expected | None:
        """Return the run if it has its turn and its input, both in its lease then, and expect it no more."""
        expected = self._runs.get(run_id)
        if expected is None or expected.lease is None or expected.spec is None:
            return None
        expected.lease = replace(expected.lease, run=replace(expected.lease.run, spec=expected.spec))
        return self._runs.pop(run_id)

    def stop(self, run_id: RunId, how: Stop) -> None:
        """Have the run end as soon as it begins, if it is expected and has its turn."""
        expected = self._runs.get(run_id)
        if expected is not None and expected.lease is not None:
            expected.lease = replace(expected.lease, stop=how)

    def leases(self) -> Iterable[Lease]:
        """Return the leases of those whose turn has come."""
        return [each.lease for each in self._runs.values() if each.lease is not None]
