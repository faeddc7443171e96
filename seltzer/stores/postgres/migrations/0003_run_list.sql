-- What a list of runs shows of them, and how it is found.

ALTER TABLE seltzer.runs
    ADD COLUMN started_at timestamptz,     -- when its last attempt was leased, if it doesn't wait
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN stats bytea;                -- JSON, of the attempt that has ended it

-- By the negative number: the planner can't take the primary key for it, and look through all runs for few.
CREATE INDEX runs_by_graph ON seltzer.runs (graph, status, (- number));
