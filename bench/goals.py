"""What is to be reached: each goal is a figure, or its ratio to another one of the same run, and a limit."""

from dataclasses import dataclass
from typing import Final

from bench.plan import Figures


@dataclass(frozen=True, slots=True)
class Goal:
    """`figure` over `base` is to be at most `limit`; without a base it is the figure itself, in its unit."""

    what: str
    figure: str
    unit: str
    base: str | None = None
    limit: float | None = None
    is_floor: bool = False  # then at least

    def measured(self, figures: Figures) -> float | None:
        """Return what the limit is held against; None if it wasn't measured."""
        value = figures.get(self.figure)
        if value is None or self.base is None:
            return value
        base = figures.get(self.base)
        return value / base if base else None

    def is_met(self, measured: float) -> bool | None:
        if self.limit is None:
            return None
        return measured >= self.limit if self.is_floor else measured <= self.limit

    @property
    def wanted(self) -> str:
        if self.limit is None:
            return ""
        sign = "≥" if self.is_floor else "≤"
        return f"{sign} {self.limit:g} {'x' if self.base else self.unit}"


def _to_passthrough(what: str, scenario: str, row: str, unit: str, limit: float) -> Goal:
    return Goal(what, f"{scenario}/{row}", unit, f"{scenario}/passthrough", limit)


GOALS: Final = (
    _to_passthrough("burst, `/llm/runs`", "burst_us", "native", "µs", 0.6),
    _to_passthrough("burst, `/chat`", "burst_us", "chat", "µs", 0.6),
    _to_passthrough("burst, LangServe `/stream`", "burst_us", "stream", "µs", 1.0),
    _to_passthrough("burst, LangServe `/stream_events`", "burst_us", "stream_events", "µs", 2.3),
    _to_passthrough("burst, `/runs`, a plain `ChatOpenAI`", "burst_us", "stock", "µs", 0.6),
    _to_passthrough("burst, `/runs`, one in `create_agent`", "burst_us", "agent", "µs", 0.6),
    Goal(
        "burst, LangServe `/stream_events`, a plain `ChatOpenAI`, to LangServe's own",
        "burst_us/stock_events",
        "µs",
        "burst_us/langserve",
        1.0,
    ),
    *(
        Goal(
            f"burst, `/runs`, {model}, to FastAPI + `graph.astream`",
            f"burst_us/{name}",
            "µs",
            f"burst_us/fastapi_{name}",
            0.5,
        )
        for name, model in (("anthropic", "Anthropic"), ("ollama", "Ollama"), ("gemini", "Gemini"))
    ),
    _to_passthrough("paced, `/llm/runs`", "paced_us", "native", "µs", 1.0),
    _to_passthrough("paced, `/chat`", "paced_us", "chat", "µs", 1.0),
    _to_passthrough("paced, `/runs`, a plain `ChatOpenAI`", "paced_us", "stock", "µs", 1.0),
    Goal("p99 gap, `/llm/runs`, to the upstream's", "gap_p99_ms/native", "ms", "gap_p99_ms/upstream", 1.1),
    Goal("p99 gap, `/chat`, to the upstream's", "gap_p99_ms/chat", "ms", "gap_p99_ms/upstream", 1.1),
    _to_passthrough("request, `/llm/runs`", "request_ms", "native", "ms", 2.3),
    _to_passthrough("request, `/chat`", "request_ms", "chat", "ms", 2.3),
    _to_passthrough("first token added, `/llm/runs`", "first_added_ms", "native", "ms", 2.5),
    _to_passthrough("first token added, `/chat`", "first_added_ms", "chat", "ms", 2.5),
    Goal("burst, on Postgres, to SQLite", "burst_us/postgres", "µs", "burst_us/native", 1.5),
    Goal("paced, on Postgres, to SQLite", "paced_us/postgres", "µs", "paced_us/native"),
    Goal("request, on Postgres, to SQLite", "request_ms/postgres", "ms", "request_ms/native", 2.0),
    Goal(
        "first token added, on Postgres, to SQLite", "first_added_ms/postgres", "ms", "first_added_ms/native"
    ),
    Goal(
        "streams at 50 tokens/s on one core",
        "capacity/native",
        "streams",
        "capacity/passthrough",
        1.33,
        is_floor=True,
    ),
    Goal("memory of a running stream", "stream_kb/native", "KB", limit=110),
    Goal("memory of a reader who waits", "reader_kb/native", "KB", limit=30),
    Goal("each of 4 more readers of a run, a token", "reader_us/native", "µs", "burst_us/passthrough", 0.4),
    Goal("turn on 10 messages", "turn_ms_10/native", "ms"),
    Goal("turn on 100 messages, to one on 10", "turn_ms_100/native", "ms", "turn_ms_10/native"),
    Goal("turn on 1,000 messages, to one on 10", "turn_ms_1000/native", "ms", "turn_ms_10/native", 2.0),
    Goal("start to first byte, to its imports", "start_ms/native", "ms", "start_ms/import", 1.5),
    Goal("`--help`, to `python -c pass`", "help_ms/native", "ms", "help_ms/pass", 5.0),
    Goal("memory left by 10,000 runs", "runs_kb/native", "KB", limit=5_000),
    Goal("data folder, of 10,000 tokens", "file_kb/native", "KB"),
    *(
        Goal(f"Postgres, {what}", f"{figure}/postgres", unit)
        for what, figure, unit in (
            ("round trips of a request of one token, alone", "alone_trips", ""),
            ("round trips of one among eight", "request_trips", ""),
            ("round trips of 10,000 tokens", "token_trips", ""),
            ("its own CPU, a request of one token", "request_database_ms", "ms"),
            ("its own CPU, a token", "token_database_us", "µs"),
            ("WAL of a request of one token", "request_wal_kb", "KB"),
            ("rows changed by a request of one token", "request_rows", ""),
            ("tables and indexes, of a request of one token", "request_kb", "KB"),
            ("rows changed by 10,000 tokens", "token_rows", ""),
            ("WAL of 10,000 tokens", "token_wal_kb", "KB"),
            ("tables and indexes, of 10,000 tokens", "token_kb", "KB"),
        )
    ),
)


def derived(figures: Figures) -> Figures:
    """Return the figures, with how much later than the upstream's own each first token comes."""
    own = figures.get("first_ms/upstream")
    added = {}
    if own is not None:
        added = {
            name.replace("first_ms/", "first_added_ms/"): value - own
            for name, value in figures.items()
            if name.startswith("first_ms/") and not name.endswith("/upstream")
        }
    return {**figures, **added}
