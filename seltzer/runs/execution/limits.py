"""How much a process runs at once, and for how long."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The limits of a process's runs.

    runs: executed at once. queue: runs that wait. timeout_s: a run's time. steps: a run's, where neither
    its request nor its graph has a limit. threads: of nodes, tools and edges that are plain functions, at
    once. insist_s: when a graph that swallows its cancellation is cancelled again. silence_s: of a model's
    provider that ends a run.
    """

    runs: int = 1_000
    queue: int = 100
    timeout_s: float = 600.0
    steps: int = 100
    threads: int = 512
    insist_s: float = 5.0
    silence_s: float = 60.0
