-- Threads, runs and their events.
-- Times are seconds since 1970, but for lease_until, which is by the lease clock.

CREATE TABLE threads (
    thread_id TEXT PRIMARY KEY,
    graph TEXT NOT NULL,
    title TEXT NOT NULL,
    title_folded TEXT NOT NULL,        -- for looking it up in any case, in any script
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    number INTEGER NOT NULL            -- its newest run's; one that ended untouched doesn't count
) WITHOUT ROWID;

CREATE INDEX threads_by_number ON threads (graph, number);

CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of all things: clocks may step back
    run_id TEXT NOT NULL UNIQUE,
    thread_id TEXT NOT NULL REFERENCES threads ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    graph TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'success', 'error', 'interrupted', 'cancelled')),
    attempt INTEGER NOT NULL,
    crashes INTEGER NOT NULL DEFAULT 0,  -- attempts whose process died over them
    has_touched INTEGER NOT NULL,      -- its thread: it was leased, and has not ended without a step
    worker TEXT,
    lease_until REAL,
    stop TEXT CHECK (stop IN ('cancel', 'rollback')),
    created_at REAL NOT NULL,
    attached INTEGER NOT NULL,
    max_steps INTEGER NOT NULL,
    configurable BLOB NOT NULL,        -- JSON, as are answers, last and output
    on_busy TEXT NOT NULL,
    answers BLOB,
    checkpoint_id TEXT,
    digest TEXT NOT NULL,
    title TEXT NOT NULL,
    input_type TEXT,
    input BLOB,
    last BLOB,
    output BLOB,
    CHECK ((status = 'running') = (worker IS NOT NULL)),
    CHECK ((status = 'running') = (lease_until IS NOT NULL)),
    CHECK ((status IN ('pending', 'running')) = (last IS NULL))
);

CREATE UNIQUE INDEX runs_one_running ON runs (thread_id) WHERE status = 'running';
CREATE INDEX runs_by_thread ON runs (thread_id, number);
CREATE INDEX runs_pending ON runs (number) WHERE status = 'pending';
CREATE INDEX runs_leased ON runs (lease_until) WHERE status = 'running';

-- The log. A row of `events` is what one flush wrote of one run, and points to the run's row before it:
-- `body` holds a line an event, `seq kind json`; `upto` counts the run's events, all that ever were, to this
-- row's last. seltzer/stores/sqlite/sql/events.py explains why it is a chain.
CREATE TABLE logs (
    log_id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    first_row INTEGER NOT NULL,
    last_row INTEGER,
    attempt INTEGER NOT NULL DEFAULT 0,
    last_seq INTEGER NOT NULL DEFAULT 0,
    upto INTEGER NOT NULL DEFAULT 0,
    expires_at REAL
);

CREATE INDEX logs_by_first_row ON logs (first_row);
CREATE INDEX logs_by_expiry ON logs (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE events (
    row_id INTEGER PRIMARY KEY,
    previous INTEGER,
    attempt INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    upto INTEGER NOT NULL,
    body BLOB NOT NULL
);
