-- The ids of deleted threads' runs, for a day: a request that is sent again by its idempotency key must not
-- create the thread again.

CREATE TABLE deleted_runs (
    run_id TEXT PRIMARY KEY,
    deleted_at REAL NOT NULL           -- seconds since 1970
) WITHOUT ROWID;

CREATE INDEX deleted_runs_by_time ON deleted_runs (deleted_at);
