"""What every row is put through: burst, a tool call first, paced, requests of one token, the first token."""

from collections.abc import Callable
from typing import Final

from bench import load
from bench.load import Load
from bench.plan import Figures, Plan
from bench.rows import UPSTREAM, Row
from bench.servers import Server

PACE_MS: Final = 20
_REQUEST_STREAMS: Final = 8


def burst(row: Row, server: Server, plan: Plan) -> Figures:
    """Answers that come at once, enough of them to keep the core busy: what a token costs."""
    found = load.run(row, server, _burst(plan))
    return {
        f"burst_us/{row.name}": found.us_per_token,
        f"bytes/{row.name}": found.bytes_per_token,
        f"busy/{row.name}": found.busy,
        f"answer_max_ms/{row.name}": found.answer_ms["max"],  # a stall shows here, not in the CPU time
    }


def tool(row: Row, server: Server, plan: Plan) -> Figures:
    """The same with a tool called first: two calls of the model a run."""
    found = load.run(row, server, _burst(plan, with_tool=True))
    return {f"tool_us/{row.name}": found.us_per_token}


def paced(row: Row, server: Server, plan: Plan) -> Figures:
    """A few answers at 50 tokens a second."""
    found = load.run(row, server, _paced(plan))
    return {f"paced_us/{row.name}": found.us_per_token, f"gap_p99_ms/{row.name}": found.gap_ms["p99"]}


def request(row: Row, server: Server, plan: Plan) -> Figures:
    """Answers of one token: what a request costs."""
    found = load.run(
        row,
        server,
        Load(streams=_REQUEST_STREAMS, tokens=1, seconds=plan.seconds, warmup_s=plan.warmup_s),
    )
    return {f"request_ms/{row.name}": found.ms_per_answer}


def first(row: Row, server: Server, plan: Plan) -> Figures:
    """One answer at a time, and time to rest in each: when the first token is there."""
    alone = Load(tokens=2, delay_ms=PACE_MS, seconds=plan.brief_s, warmup_s=plan.warmup_s)
    return {f"first_ms/{row.name}": load.run(row, server, alone).first_token_ms["p50"]}


def upstream_alone(server: Server, plan: Plan) -> Figures:
    """What the upstream itself takes, asked by the load generator."""
    gaps = load.run(UPSTREAM, server, _paced(plan))
    return {f"gap_p99_ms/{UPSTREAM.name}": gaps.gap_ms["p99"], **first(UPSTREAM, server, plan)}


def _burst(plan: Plan, *, with_tool: bool = False) -> Load:
    return Load(streams=plan.burst_streams, seconds=plan.seconds, warmup_s=plan.warmup_s, with_tool=with_tool)


def _paced(plan: Plan) -> Load:
    return Load.paced(plan.paced_streams, plan.paced_tokens, PACE_MS, plan.seconds)


SCENARIOS: Final[dict[str, Callable[[Row, Server, Plan], Figures]]] = {
    "burst": burst,
    "tool": tool,
    "paced": paced,
    "request": request,
    "first": first,
}
