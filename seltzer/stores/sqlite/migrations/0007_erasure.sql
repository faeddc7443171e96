-- What was deleted with its thread, and is being erased in small steps, so that other writes needn't wait:
-- nothing reads it any more. After a crash the next start continues.

CREATE TABLE erased_threads (
    thread_id TEXT PRIMARY KEY         -- whose states, writes and messages go
) WITHOUT ROWID;

CREATE TABLE erased_logs (
    last_row INTEGER PRIMARY KEY,      -- of `events`: it goes with those that it follows
    thread_id TEXT NOT NULL
);
