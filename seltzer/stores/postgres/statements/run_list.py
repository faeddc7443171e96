"""The statements that list runs.

An index has the runs of one graph and status by their numbers: a page is merged from the newest of each,
and so costs the same whatever the filter and however many runs there are.
"""

from typing import Final

_SHOWN: Final = (
    "number, run_id, graph, thread_id, status, attempt, created_at, started_at, ended_at, last, stats"
)
_IS_OWNED: Final = "(%(owner)s::text IS NULL OR owner = %(owner)s)"
OF_GRAPHS: Final = f"""
SELECT {_SHOWN} FROM seltzer.runs JOIN (
    SELECT newest.number
    FROM unnest(%(graphs)s::text[]) AS of_graph (graph)
    CROSS JOIN unnest(%(statuses)s::text[]) AS of_status (status)
    CROSS JOIN LATERAL (
        SELECT number FROM seltzer.runs
        WHERE runs.graph = of_graph.graph AND runs.status = of_status.status
            AND - number > - %(before)s::bigint AND {_IS_OWNED}
        ORDER BY - number LIMIT %(limit)s
    ) AS newest
    ORDER BY newest.number DESC LIMIT %(limit)s
) AS page USING (number) ORDER BY number DESC
"""
OF_THREAD: Final = f"""
SELECT {_SHOWN} FROM seltzer.runs
WHERE thread_id = %(thread_id)s AND number < %(before)s::bigint
    AND graph = ANY(%(graphs)s) AND status = ANY(%(statuses)s) AND {_IS_OWNED}
ORDER BY number DESC LIMIT %(limit)s
"""
