-- The threads' states. seltzer/stores/sqlite/checkpoints/statements.py holds the statements on them, seltzer/stores/sqlite/checkpoints/saver.py says
-- how they differ from the tables that LangGraph's saver would make.
-- IF NOT EXISTS: a file at version 1 may have these tables, as they stand here.

CREATE TABLE IF NOT EXISTS checkpoints (
    seq INTEGER PRIMARY KEY,           -- the order of writing: ids come from clocks, which may step back
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT,
    metadata BLOB,                     -- JSON; before the checkpoint: to read it, that needn't be
    type TEXT NOT NULL,
    checkpoint BLOB NOT NULL,
    UNIQUE (thread_id, checkpoint_ns, checkpoint_id)
);

CREATE INDEX IF NOT EXISTS checkpoints_by_seq ON checkpoints (thread_id, checkpoint_ns, seq);

CREATE TABLE IF NOT EXISTS writes (
    seq INTEGER PRIMARY KEY,
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task_path TEXT NOT NULL,
    idx INTEGER NOT NULL,
    channel TEXT NOT NULL,
    type TEXT NOT NULL,
    value BLOB NOT NULL,
    run_id TEXT NOT NULL,              -- what it is rolled back by
    UNIQUE (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, run_id)
);

-- Each message of the lists that seltzer/stores/checkpoints/packing.py took out, once a thread.
CREATE TABLE IF NOT EXISTS checkpoint_messages (
    thread_id TEXT NOT NULL,
    ref BLOB NOT NULL,                 -- made of the type and the blob
    type TEXT NOT NULL,
    blob BLOB NOT NULL,
    PRIMARY KEY (thread_id, ref)
) WITHOUT ROWID;
