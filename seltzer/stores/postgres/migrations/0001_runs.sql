-- Threads, runs and their events. The schema is there: somebody else may have created it.

CREATE TABLE seltzer.version (number integer NOT NULL);
INSERT INTO seltzer.version VALUES (0);

-- The one clock of all processes: theirs may differ. STABLE: an index can be searched by it.
CREATE FUNCTION seltzer.clock() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT statement_timestamp()';

CREATE TABLE seltzer.threads (
    thread_id text PRIMARY KEY,
    owner text NOT NULL DEFAULT '',
    graph text NOT NULL,
    title text NOT NULL,
    title_folded text NOT NULL,        -- for looking it up in any case, in any script
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    number bigint NOT NULL,            -- its newest run's, 0 before the first; one that ended untouched doesn't count
    metadata jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX threads_by_number ON seltzer.threads (graph, number);
CREATE INDEX threads_by_update ON seltzer.threads (owner, updated_at);
CREATE INDEX threads_by_creation ON seltzer.threads (owner, created_at);
CREATE INDEX threads_by_any_update ON seltzer.threads (updated_at);
CREATE INDEX threads_by_metadata ON seltzer.threads USING gin (metadata jsonb_path_ops);

CREATE TABLE seltzer.runs (
    number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,  -- the order of all things: clocks may step back
    run_id text NOT NULL UNIQUE,
    thread_id text NOT NULL,
    owner text NOT NULL DEFAULT '',
    graph text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'running', 'success', 'error', 'interrupted', 'cancelled')),
    attempt integer NOT NULL,
    crashes integer NOT NULL DEFAULT 0,  -- attempts whose process died over them
    has_touched boolean NOT NULL,      -- its thread: it was leased, and has not ended without a step
    worker text,
    process integer,                   -- the worker's, by the advisory lock that it has while it lives
    lease_until timestamptz,           -- in no index: a lease is renewed in place
    submission text NOT NULL DEFAULT '',  -- distinguishes the call that wrote the row, whose answer may be lost
    requested_by text,                 -- the worker that has the request of an attached run that waits,
    requested_until timestamptz,       -- and until when
    stop text CHECK (stop IN ('cancel', 'rollback')),
    created_at timestamptz NOT NULL,
    attached boolean NOT NULL,
    max_steps integer NOT NULL,
    configurable bytea NOT NULL,       -- JSON, as are answers, last and output
    on_busy text NOT NULL,
    answers bytea,
    checkpoint_id text,
    digest text NOT NULL,
    title text NOT NULL,
    input_type text,
    input bytea,
    last bytea,
    output bytea,
    events_expire_at timestamptz,      -- when the run's events may be deleted
    FOREIGN KEY (thread_id) REFERENCES seltzer.threads ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CHECK ((status = 'running') = (worker IS NOT NULL)),
    CHECK ((status = 'running') = (lease_until IS NOT NULL)),
    CHECK ((status IN ('pending', 'running')) = (last IS NULL))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

CREATE UNIQUE INDEX runs_one_running ON seltzer.runs (thread_id) WHERE status = 'running';
CREATE INDEX runs_active ON seltzer.runs (thread_id, number) WHERE status IN ('pending', 'running');
CREATE INDEX runs_by_thread ON seltzer.runs (thread_id, number);
CREATE INDEX runs_pending ON seltzer.runs (number) WHERE status = 'pending';
CREATE INDEX runs_by_outcome ON seltzer.runs (status, thread_id, number) WHERE status IN ('interrupted', 'error');
CREATE INDEX runs_by_expiry ON seltzer.runs (events_expire_at) WHERE events_expire_at IS NOT NULL;

-- The log. A row is what one flush wrote of one run's attempt: `body` holds a line an event, `seq kind json`;
-- `upto` counts the run's events, all that ever were, to this row's last.
CREATE TABLE seltzer.events (
    run bigint NOT NULL,               -- its number
    attempt integer NOT NULL,
    last_seq integer NOT NULL,
    upto integer NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (run, attempt, last_seq)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1);

-- The ids of deleted threads' runs, for a day: a request that is sent again by its idempotency key must not
-- create the thread again.
CREATE TABLE seltzer.deleted_runs (
    run_id text PRIMARY KEY,
    deleted_at timestamptz NOT NULL
);

-- Deleted threads of which states and events are left, and the numbers of their runs.
CREATE TABLE seltzer.erased_threads (
    thread_id text PRIMARY KEY,
    runs bigint[] NOT NULL
);

-- A thread that begins anew must not find these. Looked at after the row is there: whoever deletes one of that
-- id has committed by then.
CREATE FUNCTION seltzer.refuse_unerased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM seltzer.erased_threads AS erased WHERE erased.thread_id = NEW.thread_id) THEN
        RAISE 'an earlier thread of that id is being erased' USING ERRCODE = 'SZ001';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER refuse_unerased AFTER INSERT ON seltzer.threads
    FOR EACH ROW EXECUTE FUNCTION seltzer.refuse_unerased();

CREATE INDEX deleted_runs_by_time ON seltzer.deleted_runs (deleted_at);
